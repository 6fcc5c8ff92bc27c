import { Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { MediaDelivery } from '../../src';
import { MEDIA_TYPES, SAMPLE_MEDIA_KEYS } from '../../src/contract/media';
import { LineMediaLibrary, LineMediaLibraryProps } from '../../src/line/line-media-library';
import { SampleMedia } from '../../src/line/sample-media';
import { ChannelResources, ChannelResourcesProps } from '../../src/shared/channel-resources';
import { only, statementsOf, testStack } from '../support/template';

function samplesIn(stack: Stack, props: Partial<LineMediaLibraryProps> = {}, channel: Partial<ChannelResourcesProps> = {}): Template {
  const resources = new ChannelResources(stack, { channelKey: 'line', channelName: 'Stack-Line', ...channel });
  const types = props.types ?? [...MEDIA_TYPES];
  const media = new LineMediaLibrary(stack, 'Media', { types, buckets: { image: {}, audio: {}, video: {} }, delivery: MediaDelivery.presigned(), resources, ...props });
  new SampleMedia(stack, 'SampleMedia', types, media, resources);
  return Template.fromStack(stack);
}

test('the function may write exactly the samples', () => {
  const template = samplesIn(testStack());
  expect(statementsOf(template, 'SampleMediaUploadRole').slice(1)).toEqual([
    ['Image', [SAMPLE_MEDIA_KEYS.image]], ['Audio', [SAMPLE_MEDIA_KEYS.audio]], ['Video', [SAMPLE_MEDIA_KEYS.video, SAMPLE_MEDIA_KEYS.videoCover]],
  ].map(([type, keys]) => ({
    actions: ['s3:PutObject'], resources: (keys as string[]).map((key) => expect.stringMatching(new RegExp(`^<Media${type}Bucket\\w+\\.Arn>/${key.replace('.', '\\.')}$`))),
  })));
});

test('the samples are put when the stack is deployed, once the function may do it', () => {
  const template = samplesIn(testStack());
  const resource = only(template, 'Custom::LineSampleMedia', 'SampleMedia');
  expect(resource.Properties).toEqual({
    ServiceToken: { 'Fn::GetAtt': [expect.stringMatching(/^SampleMediaProvider/), 'Arn'] },
    Objects: ['Image', 'Audio', 'Video'].map((type) => ({ Bucket: { Ref: expect.stringMatching(new RegExp(`^Media${type}Bucket`)) }, Prefix: '', Type: type.toLowerCase() })),
  });
  expect(resource.DependsOn).toEqual([expect.stringMatching(/^SampleMediaUpload/)]);
  expect(only(template, 'AWS::Lambda::Function', 'SampleMediaUpload').DependsOn).toEqual(expect.arrayContaining([expect.stringMatching(/^SampleMediaUploadRoleDefaultPolicy/)]));
});

test('types of the channel only are put, behind their prefix in a shared bucket', () => {
  const stack = testStack();
  const bucket = new s3.Bucket(stack, 'Given', { versioned: true });
  const template = samplesIn(stack, { types: ['image', 'audio'], buckets: { image: { bucket }, audio: { bucket }, video: {} } });
  expect(only(template, 'Custom::LineSampleMedia', 'SampleMedia').Properties.Objects.map(({ Prefix, Type }: any) => [Type, Prefix])).toEqual([['image', 'image/'], ['audio', 'audio/']]);
  expect(statementsOf(template, 'SampleMediaUploadRole').slice(1).map(({ resources }) => resources)).toEqual([
    [expect.stringMatching(/^<Given\w+\.Arn>\/image\/line-sample\/image\.png$/)], [expect.stringMatching(/^<Given\w+\.Arn>\/audio\/line-sample\/audio\.m4a$/)],
  ]);
});

test('an encrypted bucket lets the function encrypt, and not decrypt', () => {
  const stack = testStack();
  const template = samplesIn(stack, { types: ['image'] }, { encryptionKey: new kms.Key(stack, 'Key') });
  expect(statementsOf(template, 'SampleMediaUploadRole')).toContainEqual({ actions: ['kms:Encrypt', 'kms:ReEncrypt*', 'kms:GenerateDataKey*'], resources: [expect.stringMatching(/^<Key\w+\.Arn>$/)] });
});

test("runtime and settings of functions reach CDK's own function, too", () => {
  const stack = testStack();
  const vpc = new ec2.Vpc(stack, 'Vpc', { maxAzs: 1 });
  const functions = { vpc, memorySize: 256, architecture: lambda.Architecture.X86_64 };
  const template = samplesIn(stack, {}, { functions });
  expect(only(template, 'AWS::Lambda::Function', 'SampleMediaProvider').Properties).toMatchObject({
    Runtime: only(template, 'AWS::Lambda::Function', 'SampleMediaUpload').Properties.Runtime,
    MemorySize: 256,
    Architectures: ['x86_64'],
    VpcConfig: { SubnetIds: [expect.anything()] },
    LoggingConfig: { LogGroup: { Ref: expect.stringMatching(/^SampleMediaProviderLogs/) } },
  });
  // Logs and, in a VPC, network interfaces come first.
  expect(statementsOf(template, 'SampleMediaProviderRole').slice(-2)).toEqual([
    { actions: ['lambda:InvokeFunction'], resources: [expect.stringMatching(/^<SampleMediaUpload\w+\.Arn>$/), expect.stringMatching(/^<SampleMediaUpload\w+\.Arn>:\*$/)] },
    { actions: ['lambda:GetFunction'], resources: [expect.stringMatching(/^<SampleMediaUpload\w+\.Arn>$/)] },
  ]);
});
