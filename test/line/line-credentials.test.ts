import { CfnParameter, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import { LineCredentials, LineCredentialsBindOptions } from '../../src';
import { BoundCredentials } from '../../src/line/bound-credentials';
import { only, rendered, resources, statementsOf, testStack } from '../support/template';

const SECRET_ARN = 'arn:aws:secretsmanager:us-east-1:123456789012:secret:line/shop-AbCdEf';
const KEY_ARN = 'arn:aws:kms:us-east-1:123456789012:key/0123abcd';

/** The bound credentials and a role that may read them. */
function bind(credentials: (stack: Stack) => LineCredentials, options: (stack: Stack) => LineCredentialsBindOptions = () => ({})) {
  const stack = testStack();
  const bound = new BoundCredentials(stack, credentials(stack), options(stack));
  bound.grantRead(new iam.Role(stack, 'Role', { assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com') }));
  return { stack, bound, template: Template.fromStack(stack) };
}

describe('LineCredentials.generated', () => {
  test('makes a secret whose template is FROZEN: a change would overwrite what operators filled in', () => {
    const { template } = bind(() => LineCredentials.generated());
    expect(only(template, 'AWS::SecretsManager::Secret', 'Secret')).toEqual({
      Type: 'AWS::SecretsManager::Secret',
      Properties: {
        Description: 'LINE channel id and channel secret (or a long-lived channel access token). Fill in the empty values.',
        GenerateSecretString: {
          GenerateStringKey: 'unused',
          SecretStringTemplate: '{"channelId":"","channelSecret":"","channelAccessToken":""}',
        },
      },
      DeletionPolicy: 'Retain',
      UpdateReplacePolicy: 'Retain',
    });
  });

  test('takes name, key and removal policy without a change of the template', () => {
    const { template } = bind(() => LineCredentials.generated({ secretName: 'line/shop' }),
      (stack) => ({ encryptionKey: new kms.Key(stack, 'Key'), removalPolicy: RemovalPolicy.DESTROY }));
    expect(only(template, 'AWS::SecretsManager::Secret', 'Secret')).toMatchObject({
      Properties: {
        Name: 'line/shop',
        KmsKeyId: { 'Fn::GetAtt': [expect.stringMatching(/^Key/), 'Arn'] },
        GenerateSecretString: { GenerateStringKey: 'unused', SecretStringTemplate: '{"channelId":"","channelSecret":"","channelAccessToken":""}' },
      },
      DeletionPolicy: 'Delete',
    });
  });

  test('hands functions the ARN only, and lets them read the value', () => {
    const { stack, bound, template } = bind(() => LineCredentials.generated());
    expect(stack.resolve(bound.environment)).toEqual({ LINE_SECRET_ARN: { Ref: expect.stringMatching(/^Secret/) } });
    expect(statementsOf(template, 'Role')).toEqual([{ actions: ['secretsmanager:GetSecretValue'], resources: [expect.stringMatching(/^<Secret\w+>$/)] }]);
  });

  test("lets functions decrypt with the key, without writing their roles into the key's policy", () => {
    const { template } = bind(() => LineCredentials.generated(), (stack) => ({ encryptionKey: new kms.Key(stack, 'Key') }));
    expect(statementsOf(template, 'Role')).toEqual([
      { actions: ['kms:Decrypt'], resources: [expect.stringMatching(/^<Key\w+\.Arn>$/)] },
      { actions: ['secretsmanager:GetSecretValue'], resources: [expect.stringMatching(/^<Secret\w+>$/)] },
    ]);
    expect(JSON.stringify(only(template, 'AWS::KMS::Key', 'Key').Properties.KeyPolicy)).not.toContain('Role');
  });
});

describe('LineCredentials.fromSecret', () => {
  test('makes nothing and keeps the default names of the keys', () => {
    const { bound, template } = bind((stack) => LineCredentials.fromSecret(secretsmanager.Secret.fromSecretCompleteArn(stack, 'Given', SECRET_ARN)));
    expect(resources(template, 'AWS::SecretsManager::Secret')).toEqual({});
    expect(bound.environment).toEqual({ LINE_SECRET_ARN: SECRET_ARN });
    expect(statementsOf(template, 'Role')).toEqual([{ actions: ['secretsmanager:GetSecretValue'], resources: [SECRET_ARN] }]);
  });

  test.each([
    [{ channelIdField: 'id' }, { channelId: 'id' }],
    [{ channelIdField: 'id', channelSecretField: 'secret', channelAccessTokenField: 'token' }, { channelId: 'id', channelSecret: 'secret', channelAccessToken: 'token' }],
  ])('hands over the names %p', (fields, handed) => {
    const { stack, bound } = bind((scope) => LineCredentials.fromSecret(secretsmanager.Secret.fromSecretCompleteArn(scope, 'Given', SECRET_ARN), fields));
    expect(JSON.parse(stack.resolve(bound.environment.LINE_SECRET_FIELDS))).toEqual(handed);
  });

  test('takes a name that is a parameter', () => {
    const { stack, bound } = bind((scope) => LineCredentials.fromSecret(
      secretsmanager.Secret.fromSecretCompleteArn(scope, 'Given', SECRET_ARN), { channelIdField: new CfnParameter(scope, 'Field').valueAsString }));
    expect(rendered(stack.resolve(bound.environment.LINE_SECRET_FIELDS))).toBe('{"channelId":"<Field>"}');
  });

  test.each([
    ['its name', (stack: Stack) => secretsmanager.Secret.fromSecretNameV2(stack, 'Given', 'line/shop'), 'arn:<AWS::Partition>:secretsmanager:<AWS::Region>:<AWS::AccountId>:secret:line/shop-??????'],
    ['a partial ARN', (stack: Stack) => secretsmanager.Secret.fromSecretPartialArn(stack, 'Given', SECRET_ARN.slice(0, -7)), 'arn:aws:secretsmanager:us-east-1:123456789012:secret:line/shop-??????'],
  ])('lets functions read a secret imported by %s', (_name, secret, resource) => {
    const { template } = bind((stack) => LineCredentials.fromSecret(secret(stack)));
    expect(statementsOf(template, 'Role')).toEqual([{ actions: ['secretsmanager:GetSecretValue'], resources: [resource] }]);
  });

  test('lets functions decrypt with the key of an imported secret', () => {
    const { template } = bind((stack) => LineCredentials.fromSecret(secretsmanager.Secret.fromSecretAttributes(stack, 'Given', {
      secretCompleteArn: SECRET_ARN, encryptionKey: kms.Key.fromKeyArn(stack, 'Key', KEY_ARN),
    })));
    expect(statementsOf(template, 'Role')).toContainEqual({ actions: ['kms:Decrypt'], resources: [KEY_ARN] });
  });

  test('takes no key and no removal policy of the channel for a secret that is not its own', () => {
    const { template } = bind((stack) => LineCredentials.fromSecret(new secretsmanager.Secret(stack, 'Given')),
      (stack) => ({ encryptionKey: new kms.Key(stack, 'Key'), removalPolicy: RemovalPolicy.RETAIN }));
    expect(only(template, 'AWS::SecretsManager::Secret', 'Given')).toMatchObject({ DeletionPolicy: 'Delete' });
    expect(only(template, 'AWS::SecretsManager::Secret', 'Given').Properties).not.toHaveProperty('KmsKeyId');
  });
});
