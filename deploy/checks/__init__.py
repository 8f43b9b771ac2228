"""What `phyassist doctor` looks at, one module a subject; each check makes the call that the bot will make."""
