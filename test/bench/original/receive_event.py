"""The benchmark's baseline: a LINE webhook received the way AWS's Pinpoint integration sample does it.

Written anew, with the same steps in the same order and nothing that would slow it down besides: the secret is read on
every request, the signature checked by the LINE SDK, the profile fetched and the Pinpoint endpoint written, and only then
is LINE answered. The sample's clients for Amazon Connect, Lex, Step Functions and DynamoDB are left out.
"""
import json
import os

import boto3
from linebot import LineBotApi, WebhookHandler
from linebot.exceptions import InvalidSignatureError, LineBotApiError
from linebot.models import FollowEvent, UnfollowEvent

pinpoint = boto3.client('pinpoint')


def read_secret():
    client = boto3.session.Session().client('secretsmanager', region_name=os.environ['AWS_REGION'])
    return json.loads(client.get_secret_value(SecretId=os.environ['SECRET_ARN'])['SecretString'])


def lambda_handler(event, context):
    secret = read_secret()
    line = LineBotApi(secret['YOUR_CHANNEL_ACCESS_TOKEN'], endpoint=os.environ['LINE_API_BASE_URL'])
    webhook = WebhookHandler(secret['YOUR_CHANNEL_SECRET'])
    application_id = os.environ['PINPOINT_APPLICATION_ID']

    @webhook.add(FollowEvent)
    def on_follow(follow):
        user_id = follow.source.user_id
        profile = line.get_profile(user_id)
        pinpoint.update_endpoint(
            ApplicationId=application_id,
            EndpointId=user_id,
            EndpointRequest={
                'Address': user_id,
                'ChannelType': 'CUSTOM',
                'OptOut': 'NONE',
                'User': {'UserId': user_id, 'UserAttributes': {'DisplayName': [profile.display_name]}},
            },
        )

    @webhook.add(UnfollowEvent)
    def on_unfollow(unfollow):
        pinpoint.delete_endpoint(ApplicationId=application_id, EndpointId=unfollow.source.user_id)

    try:
        webhook.handle(event['body'], event['headers']['x-line-signature'])
    except (InvalidSignatureError, LineBotApiError) as error:
        return {'statusCode': 400, 'body': json.dumps(type(error).__name__)}
    return {'statusCode': 200, 'body': json.dumps('OK')}
