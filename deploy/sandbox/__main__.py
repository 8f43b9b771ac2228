"""`python -m deploy.sandbox`: the sandbox's command line by itself."""

from deploy.sandbox.commands import app

app()
