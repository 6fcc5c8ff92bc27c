"""The benchmark's baseline: a campaign's text sent the way AWS's Pinpoint integration sample does it.

Written anew, with the same steps in the same order and nothing that would slow it down besides: the secret is read on
every event, the addresses of all endpoints go into one multicast without a retry key, nothing is written down, and a fixed
sentence is returned.
"""
import json
import os

import boto3
from linebot import LineBotApi
from linebot.models import TextSendMessage


def read_secret():
    client = boto3.session.Session().client('secretsmanager', region_name=os.environ['AWS_REGION'])
    return json.loads(client.get_secret_value(SecretId=os.environ['SECRET_ARN'])['SecretString'])


def lambda_handler(event, context):
    secret = read_secret()
    line = LineBotApi(secret['YOUR_CHANNEL_ACCESS_TOKEN'], endpoint=os.environ['LINE_API_BASE_URL'])
    addresses = [endpoint['Address'] for endpoint in event['Endpoints'].values()]
    line.multicast(addresses, TextSendMessage(text=event['Data']))
    return 'Messages sent'
