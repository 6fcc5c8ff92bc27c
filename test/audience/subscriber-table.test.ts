import { RemovalPolicy, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import { ISubscriberTable, SubscriberTable } from '../../src';
import { only, resources, statementsOf, templateOf, testStack } from '../support/template';

const TABLE_ARN = 'arn:aws:dynamodb:us-east-1:123456789012:table/Subscribers';
const STREAM_ARN = `${TABLE_ARN}/stream/2026-01-01T00:00:00.000`;
const READ = ['dynamodb:GetItem', 'dynamodb:BatchGetItem', 'dynamodb:Query', 'dynamodb:Scan'];
const UPSERT = ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'];
const ERASE = ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'];

describe('a new subscriber table', () => {
  test('has keys, stream, point-in-time recovery and time to live, is billed by use and retained', () => {
    expect(only(templateOf((stack) => new SubscriberTable(stack, 'Subscribers')), 'AWS::DynamoDB::Table', 'Subscribers')).toEqual({
      Type: 'AWS::DynamoDB::Table',
      Properties: {
        AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }, { AttributeName: 'sk', AttributeType: 'S' }],
        BillingMode: 'PAY_PER_REQUEST',
        KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }, { AttributeName: 'sk', KeyType: 'RANGE' }],
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
        StreamSpecification: { StreamViewType: 'NEW_AND_OLD_IMAGES' },
        TimeToLiveSpecification: { AttributeName: 'expiresAt', Enabled: true },
      },
      DeletionPolicy: 'Retain',
      UpdateReplacePolicy: 'Retain',
    });
  });

  test('takes key and removal policy', () => {
    const stack = testStack();
    const encryptionKey = new kms.Key(stack, 'Key');
    new SubscriberTable(stack, 'Subscribers', { encryptionKey, removalPolicy: RemovalPolicy.DESTROY });
    expect(only(Template.fromStack(stack), 'AWS::DynamoDB::Table', 'Subscribers')).toMatchObject({
      Properties: { SSESpecification: { KMSMasterKeyId: stack.resolve(encryptionKey.keyArn), SSEEnabled: true, SSEType: 'KMS' } },
      DeletionPolicy: 'Delete',
      UpdateReplacePolicy: 'Delete',
    });
  });
});

describe.each<[string, (stack: Stack) => ISubscriberTable, string | RegExp]>([
  ['a new subscriber table', (stack) => new SubscriberTable(stack, 'Subscribers'), /^<Subscribers\w+\.Arn>$/],
  ['an imported subscriber table', (stack) => SubscriberTable.fromSubscriberTableAttributes(stack, 'Subscribers', { tableArn: TABLE_ARN }), TABLE_ARN],
])('%s', (_name, make, arn) => {
  test.each<[keyof ISubscriberTable & `grant${string}`, string[]]>([
    ['grantRead', READ], ['grantUpsert', UPSERT], ['grantErase', ERASE],
  ])('%s grants exactly its actions on the table alone', (grant, actions) => {
    const stack = testStack();
    make(stack)[grant](new iam.Role(stack, 'Role', { assumedBy: new iam.AccountRootPrincipal() }));
    const tableArns = [typeof arn === 'string' ? arn : expect.stringMatching(arn)];
    expect(statementsOf(Template.fromStack(stack), 'Role')).toEqual([
      { actions, resources: tableArns },
      // Of what is erased only the tags' rows go; the person's is replaced by a tombstone.
      ...grant === 'grantErase' ? [{
        actions: ['dynamodb:DeleteItem'], resources: tableArns, conditions: { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['TAG#*'] } },
      }] : [],
    ]);
  });
});

describe('an imported subscriber table', () => {
  test('makes nothing and knows its table, stream and key', () => {
    const stack = testStack();
    const encryptionKey = kms.Key.fromKeyArn(stack, 'Key', 'arn:aws:kms:us-east-1:123456789012:key/0123');
    const { table } = SubscriberTable.fromSubscriberTableAttributes(stack, 'Subscribers', { tableArn: TABLE_ARN, tableStreamArn: STREAM_ARN, encryptionKey });
    expect(table).toMatchObject({ tableArn: TABLE_ARN, tableName: 'Subscribers', tableStreamArn: STREAM_ARN, encryptionKey });
    expect(resources(Template.fromStack(stack))).toEqual({});
  });

  test('grants the use of its key: to decrypt for reading, to encrypt for writing', () => {
    const stack = testStack();
    const encryptionKey = kms.Key.fromKeyArn(stack, 'Key', 'arn:aws:kms:us-east-1:123456789012:key/0123');
    const subscribers = SubscriberTable.fromSubscriberTableAttributes(stack, 'Subscribers', { tableArn: TABLE_ARN, encryptionKey });
    subscribers.grantRead(new iam.Role(stack, 'Reader', { assumedBy: new iam.AccountRootPrincipal() }));
    subscribers.grantUpsert(new iam.Role(stack, 'Writer', { assumedBy: new iam.AccountRootPrincipal() }));
    const template = Template.fromStack(stack);
    expect(statementsOf(template, 'Reader')[0]).toEqual({ actions: ['kms:Decrypt', 'kms:DescribeKey'], resources: [encryptionKey.keyArn] });
    expect(statementsOf(template, 'Writer')[0]).toEqual({
      actions: ['kms:Decrypt', 'kms:DescribeKey', 'kms:Encrypt', 'kms:ReEncrypt*', 'kms:GenerateDataKey*'], resources: [encryptionKey.keyArn],
    });
  });
});
