package ostiary.plugin.quota

# How many clients a partner may register; whoever is not here is not counted.
most := 2 if input.partner == "team-a"

most := 50 if input.partner == "team-b"
