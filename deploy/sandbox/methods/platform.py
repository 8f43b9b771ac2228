"""auth.test, api.test and apps.connections.open."""

from deploy.sandbox.errors import SlackRefusal
from deploy.sandbox.methods.registry import Args, Parts, Token, method
from deploy.sandbox.model import BOT_ID, BOT_USER_ID, TEAM_ID, Json


@method("auth.test")
def auth_test(parts: Parts, _args: Args) -> Json:
    """Say who the token belongs to."""
    names = {"team": "Sandbox", "user": parts.workspace.users[BOT_USER_ID].name}
    ids = {"team_id": TEAM_ID, "user_id": BOT_USER_ID, "bot_id": BOT_ID}
    return {"url": f"{parts.workspace.base_url}/", **names, **ids, "is_enterprise_install": False}


@method("api.test", Token.NONE)
def api_test(_parts: Parts, args: Args) -> Json:
    """Answer, or fail as asked."""
    if args.text("error"):
        raise SlackRefusal(args.text("error"))
    return {"args": {}}


@method("apps.connections.open", Token.APP)
def open_connection(parts: Parts, _args: Args) -> Json:
    """Return the address of a new socket."""
    address = parts.workspace.base_url.replace("http", "ws", 1)
    return {"url": f"{address}/link?ticket={parts.sockets.new_ticket()}&app_id=sandbox"}
