"""Runs the baseline as drive-handler.js runs a bundle: one call at once, then one for each line on standard input.

Each answer goes as a line of JSON to file descriptor 3. Argument: file with the event.
"""
import json
import os
import sys

from receive_event import lambda_handler

with open(sys.argv[1], encoding='utf-8') as file:
    event = json.load(file)


def call():
    os.write(3, f'{json.dumps(lambda_handler(event, None))}\n'.encode())


call()
for _ in sys.stdin:
    call()
