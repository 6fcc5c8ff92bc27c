"""Runs a baseline as drive-handler.js runs a bundle: one call at once, then one for each line on standard input.

Each answer goes as a line of JSON to file descriptor 3. Arguments: module, file with an array of events, which are handled
one after the other, and from the beginning again.
"""
import importlib
import json
import os
import sys

lambda_handler = importlib.import_module(sys.argv[1]).lambda_handler

with open(sys.argv[2], encoding='utf-8') as file:
    events = json.load(file)
calls = 0


def call():
    global calls
    event = events[calls % len(events)]
    calls += 1
    os.write(3, f'{json.dumps(lambda_handler(event, None))}\n'.encode())


call()
for _ in sys.stdin:
    call()
