"""From public sets, and files of the same formats, to training rows."""
