import * as fs from 'fs';
import * as path from 'path';
import {
  ApiRule, ApiType, Assembly, constructProps, defaults, distinctNames, exportedNames, noUnions, noUntyped, secretsAreNoStrings, summaries,
} from './support/api-rules';
import { describeBuilt, ROOT } from './support/built';

/**
 * Everything that the package exports. A name added here is a promise to users in five languages; a name removed breaks them.
 */
const EXPORTED: string[] = [
  'Audience',
  'AudienceBindOptions',
  'AudienceConfig',
  'CampaignCanary',
  'CampaignChangeOptions',
  'CampaignChannel',
  'CampaignChannelConfig',
  'CampaignRunState',
  'CampaignRunner',
  'CampaignRunnerProps',
  'CloudFrontMediaOptions',
  'FollowerSync',
  'FollowerSyncProps',
  'FunctionChannelOptions',
  'FunctionSourceOptions',
  'IAudience',
  'ICampaignChannel',
  'ILineChannel',
  'IPinpointProject',
  'ISubscriberTable',
  'IWebhookAccess',
  'LineChannel',
  'LineChannelAttributes',
  'LineChannelBase',
  'LineChannelOptions',
  'LineChannelProps',
  'LineCredentials',
  'LineCredentialsBindOptions',
  'LineCredentialsConfig',
  'LineEventOptions',
  'LineFunctionOptions',
  'LineMessageType',
  'LinePinpointChannel',
  'LinePinpointChannelProps',
  'LineReply',
  'LineReplyMatch',
  'LineReplyRule',
  'LineSecretFields',
  'LineSecretOptions',
  'LineSendingOptions',
  'LineUnsubscribe',
  'ListSourceOptions',
  'LowQuota',
  'MediaDelivery',
  'OtherColumns',
  'PinpointProject',
  'PinpointProjectAttributes',
  'PinpointProjectProps',
  'PresignedMediaOptions',
  'QuietHours',
  'RecipientSource',
  'RestApiWebhookOptions',
  'S3SubscriberImport',
  'S3SubscriberImportProps',
  'SampleSourceOptions',
  'SegmentSourceOptions',
  'SegmentTag',
  'SubscriberFileFormat',
  'SubscriberTable',
  'SubscriberTableAttributes',
  'SubscriberTableProps',
  'UnknownOutcome',
  'WebhookAccess',
  'WebhookAccessBindOptions',
  'WebhookAccessConfig',
  'WebhookApiOptions',
  'WebhookDomainOptions',
];

/** Strings whose name sounds like a secret and that hold none, with the reason. */
const NOT_SECRET: string[] = [
  // Names of keys in the secret's JSON.
  'LineSecretFields.channelSecretField',
  'LineSecretFields.channelAccessTokenField',
  // The name under which Secrets Manager lists it.
  'LineSecretOptions.secretName',
];

const RULES: [string, ApiRule][] = [
  ['has no union or intersection', noUnions],
  ['has nothing untyped', noUntyped],
  ['has a docstring on every public type and member', summaries],
  ['has a default on every optional prop', defaults],
  ['has constructs that take (scope, id, props) with props of their own', constructProps],
  ['has names that differ by more than case', distinctNames],
  ['takes no secret as a string', secretsAreNoStrings(NOT_SECRET)],
];

describeBuilt('the public API', ['.jsii'], () => {
  const assembly = (): Assembly => JSON.parse(fs.readFileSync(path.join(ROOT, '.jsii'), 'utf8'));

  test('exports what is listed here, and nothing else', () => {
    expect(exportedNames(assembly())).toEqual([...EXPORTED].sort());
  });

  test.each(RULES)('%s', (_name, rule) => {
    expect(rule(assembly())).toEqual([]);
  });
});

describe('the rules themselves', () => {
  const docs = { summary: 'Documented.' };
  const text = { primitive: 'string' };
  const scope = { name: 'scope', type: { fqn: 'constructs.Construct' } };
  const id = { name: 'id', type: text };

  function assembly(...types: (Partial<ApiType> & { name: string })[]): Assembly {
    return { types: Object.fromEntries(types.map((type) => [`p.${type.name}`, { kind: 'class', docs, fqn: `p.${type.name}`, ...type }])) };
  }

  test.each<[string, ApiRule, Assembly, string[]]>([
    ['a union in a list', noUnions,
      assembly({ name: 'A', properties: [{ name: 'x', docs, type: { collection: { kind: 'array', elementtype: { union: {} } } } }] }), ['A.x is a union or an intersection']],
    ['a union parameter', noUnions,
      assembly({ name: 'A', methods: [{ name: 'f', docs, parameters: [{ name: 'x', type: { union: {} } }] }] }), ['A.f(x) is a union or an intersection']],
    ['any in a map', noUntyped,
      assembly({ name: 'A', properties: [{ name: 'x', docs, type: { collection: { kind: 'map', elementtype: { primitive: 'any' } } } }] }), ['A.x is any']],
    ['a generic result', noUntyped,
      assembly({ name: 'A', methods: [{ name: 'f', docs, returns: { type: { primitive: 'any' } } }] }), ['A.f() returns is any']],
    ['missing docstrings', summaries,
      assembly(
        { name: 'A', docs: {}, properties: [{ name: 'x', type: text }, { name: 'y', type: text, overrides: 'aws-cdk-lib.IResource' }], methods: [{ name: 'f' }] },
        { name: 'E', kind: 'enum', members: [{ name: 'ONE' }, { name: 'TWO', docs }] },
      ), ['A has no docstring', 'A.x has no docstring', 'A.f has no docstring', 'E.ONE has no docstring']],
    ['a missing default', defaults,
      assembly({
        name: 'AProps',
        kind: 'interface',
        datatype: true,
        properties: [{ name: 'x', docs, type: text, optional: true }, { name: 'y', docs, type: text }, { name: 'z', docs: { ...docs, default: '- none' }, type: text, optional: true }],
      }), ['AProps.x has no @default']],
    ['a construct with other props', constructProps,
      assembly({ name: 'A', initializer: { parameters: [scope, id, { name: 'props', type: { fqn: 'p.BProps' }, optional: true }] } }), ['A does not take AProps']],
    ['a construct with other parameters', constructProps,
      assembly({ name: 'A', initializer: { parameters: [scope, id] } }), ['A is not made by (scope, id, props)', 'A does not take AProps']],
    ['a construct, made by its base, that demands what is optional', constructProps,
      assembly(
        { name: 'Base', abstract: true, initializer: { parameters: [scope, id, { name: 'props', type: { fqn: 'p.AProps' } }] } },
        { name: 'A', base: 'p.Base' },
        { name: 'AProps', kind: 'interface', datatype: true, interfaces: ['p.Options'] },
        { name: 'Options', kind: 'interface', datatype: true, properties: [{ name: 'x', docs, type: text, optional: true }] },
      ), ['A demands props although every member is optional']],
    ['a value made without a scope', constructProps, assembly({ name: 'A', initializer: { parameters: [{ name: 'value', type: text }] } }), []],
    ['types that differ by case', distinctNames, assembly({ name: 'LineURL' }, { name: 'LineUrl' }), ['the package: LineURL and LineUrl differ by case only']],
    ['members that differ by case', distinctNames,
      assembly({ name: 'A', properties: [{ name: 'webhookUrl', docs, type: text }], methods: [{ name: 'webhookURL', docs }] }), ['A: webhookUrl and webhookURL differ by case only']],
    ['a member named as its type', distinctNames, assembly({ name: 'Queue', properties: [{ name: 'queue', docs, type: text }] }), ['Queue.queue is named as its type']],
    ['a secret as a string', secretsAreNoStrings(['A.tokenName']),
      assembly({ name: 'A', properties: [{ name: 'channelSecret', docs, type: text }, { name: 'tokenName', docs, type: text }, { name: 'secret', docs, type: { fqn: 'x.ISecret' } }] }),
      ['A.channelSecret is a string']],
    ['a token as a parameter', secretsAreNoStrings([]),
      assembly({ name: 'A', methods: [{ name: 'f', docs, parameters: [{ name: 'accessToken', type: text }] }] }), ['A.f(accessToken) is a string']],
  ])('find %s', (_name, rule, broken, found) => {
    expect(rule(broken)).toEqual(found);
  });
});
