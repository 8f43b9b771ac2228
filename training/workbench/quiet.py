"""What libraries tell by themselves, and a user of the command line can't use."""


def quieten() -> None:
    """Stops their bars for loading, writing and mapping, and their warnings; our own progress says the same in one line."""
    from datasets.utils.logging import disable_progress_bar
    from transformers.utils.logging import disable_progress_bar as disable_loading_bar
    from transformers.utils.logging import set_verbosity_error

    disable_progress_bar()
    disable_loading_bar()
    set_verbosity_error()
