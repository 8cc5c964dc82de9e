"""What git knows of a folder, asked so that nothing in that folder can run a program or change the answer."""
