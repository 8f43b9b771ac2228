"""views.*: modals and the home tab."""

from deploy.sandbox.errors import SlackRefusal
from deploy.sandbox.methods.registry import Args, Parts, method, user_of
from deploy.sandbox.model import Json
from deploy.sandbox.validate import checked_view
from deploy.sandbox.validate.check import Surface


@method("views.open")
def open_view(parts: Parts, args: Args) -> Json:
    """Open a modal for the person who caused the trigger."""
    user = parts.triggers.owner(args.required("trigger_id"))
    view = checked_view(args.structure("view"), Surface.MODAL)
    parts.triggers.use(args.text("trigger_id"))
    return {"view": parts.stage.open(user, view).to_json()}


@method("views.push")
def push_view(parts: Parts, args: Args) -> Json:
    """Put a modal on top of the open one."""
    user = parts.triggers.owner(args.required("trigger_id"))
    view = checked_view(args.structure("view"), Surface.MODAL)
    parts.triggers.use(args.text("trigger_id"))
    return {"view": parts.stage.push(user, view).to_json()}


@method("views.update")
def update_view(parts: Parts, args: Args) -> Json:
    """Replace an open view."""
    if not args.text("view_id") and not args.text("external_id"):
        raise SlackRefusal("invalid_arguments", ["missing required field: view_id"])
    shown = parts.stage.find(args.text("view_id") or None, args.text("external_id") or None)
    view = checked_view(args.structure("view"), Surface(shown.type))
    return {"view": parts.stage.update(shown, view, args.text("hash") or None).to_json()}


@method("views.publish")
def publish_view(parts: Parts, args: Args) -> Json:
    """Set a user's home tab."""
    user = user_of(parts, args, "user_id")
    view = checked_view(args.structure("view"), Surface.HOME)
    return {"view": parts.stage.publish(user.id, view, args.text("hash") or None).to_json()}
