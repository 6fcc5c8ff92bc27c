"""examples/minimal in Python: its template is the same, byte for byte.

    pip install cdk-line-pinpoint
    cdk synth --app "python app.py"
"""
from aws_cdk import App, Stack
from cdk_line_pinpoint import LineChannel

app = App()
stack = Stack(app, 'LineMinimal')

LineChannel(stack, 'Line')

app.synth()
