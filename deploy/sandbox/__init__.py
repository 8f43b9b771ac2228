"""A local Slack-compatible workspace that an unmodified Bolt app connects to with nothing but another base URL.

What lives where:

    model.py, state.py, seed.py   the workspace: people, channels, messages, views, files; pure, tells its subscribers
    payloads.py                   what Slack would send to an app about a change or an action
    delivery.py, sockets.py, signed.py   envelopes, acks and retries over Socket Mode or signed HTTP
    methods/, limits.py           the Web API and its rate limits
    validate/                     blocks and views, checked as Slack checks them
    interact.py                   what a person does: posts, commands, clicks, modals
    faults.py                     how the sandbox misbehaves when told to
    control.py, client.py, commands.py   the control API, its typed client, the command line
    server.py                     joins the parts
"""
