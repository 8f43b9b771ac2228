"""users.*, usergroups.*, bots.info and team.info."""

from deploy.sandbox.errors import SlackRefusal
from deploy.sandbox.methods.registry import Args, Parts, method, page, user_of
from deploy.sandbox.model import APP_ID, BOT_ID, BOT_USER_ID, TEAM_DOMAIN, TEAM_ID, Json


@method("users.info")
def user_info(parts: Parts, args: Args) -> Json:
    """Describe a user."""
    shown = user_of(parts, args).to_json()
    if not args.flag("include_locale"):
        shown.pop("locale")
    return {"user": shown}


@method("users.list")
def list_users(parts: Parts, args: Args) -> Json:
    """List all users."""
    found, metadata = page([user.to_json() for user in parts.workspace.users.values()], args, 100)
    return {"members": found, **metadata}


@method("usergroups.list")
def list_usergroups(parts: Parts, args: Args) -> Json:
    """List the user groups."""
    with_users = args.flag("include_users")
    return {"usergroups": [group.to_json(with_users) for group in parts.workspace.usergroups.values()]}


@method("usergroups.users.list")
def usergroup_users(parts: Parts, args: Args) -> Json:
    """List the users of a group."""
    group = parts.workspace.usergroups.get(args.required("usergroup"))
    if group is None:
        raise SlackRefusal("no_such_subteam")
    return {"users": list(group.users)}


@method("bots.info")
def bot_info(parts: Parts, args: Args) -> Json:
    """Describe the bot."""
    if args.text("bot", BOT_ID) != BOT_ID:
        raise SlackRefusal("bot_not_found")
    name = parts.workspace.users[BOT_USER_ID].name
    return {"bot": {"id": BOT_ID, "deleted": False, "name": name, "app_id": APP_ID, "user_id": BOT_USER_ID}}


@method("team.info")
def team_info(parts: Parts, _args: Args) -> Json:
    """Describe the team."""
    return {"team": {"id": TEAM_ID, "name": "Sandbox", "domain": TEAM_DOMAIN, "email_domain": "", "url": f"{parts.workspace.base_url}/"}}
