"""`phyassist demo`: the whole main job on one machine, on real parts. `play.py` starts them; `day.py` and `night.py` are the story."""
