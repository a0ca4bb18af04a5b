"""Nothing is served that the published description does not name: the bar that asks every route believes it."""

from starlette.routing import Route

from sync.hub.app import create
from sync.hub.database import Database
from sync.hub.shops.sample import SampleShop


def test_every_route_is_published(database: Database) -> None:
    app = create(database, SampleShop(database))
    routes = {
        (method.lower(), route.path)
        for route in app.routes
        if isinstance(route, Route)
        for method in route.methods or ()
    }
    assert len(app.routes) == len([route for route in app.routes if isinstance(route, Route)])
    published = {(method, path) for path, told in app.openapi()["paths"].items() for method in told}
    assert routes == published | {("get", "/openapi.json"), ("head", "/openapi.json")}
