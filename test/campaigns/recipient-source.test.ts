import * as fs from 'fs';
import * as os from 'os';
import * as path from 'path';
import { CfnParameter, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { RecipientSource } from '../../src/campaigns/recipient-source';
import { statementsOf, testStack } from '../support/template';

const TEA = { UserAttributes: { Interests: { AttributeType: 'INCLUSIVE', Values: ['tea'] } } };
const TEA_SEGMENT = { Groups: [{ Dimensions: [TEA], Type: 'ALL', SourceSegments: [], SourceType: 'ALL' }], Include: 'ALL' };
const BUILT_ON = JSON.stringify({ SegmentGroups: { Groups: [{ SourceSegments: [{ Id: 'abc', Version: 1 }], Dimensions: [TEA] }] } });

const configOf = (source: RecipientSource) => JSON.parse(JSON.stringify(source._bind().config)) as object;
const functionIn = (stack: Stack, id: string) => lambda.Function.fromFunctionArn(stack, id, `arn:aws:lambda:us-east-1:123456789012:function:${id}`);

describe('what the runner is told', () => {
  test.each<[string, RecipientSource, object, string[]]>([
    ['all subscribers', RecipientSource.allSubscribers(), { kind: 'subscribers' }, []],
    ['a tag', RecipientSource.byTag('春 sale.2026'), { kind: 'tag', tag: '春 sale.2026' }, []],
    ['any tag', RecipientSource.byTag(), { kind: 'tag' }, ['tag']],
    ['a segment, less what a run does not need', RecipientSource.bySegment(JSON.stringify({ SegmentResponse: { Name: 'Tea', Arn: 'arn:…', Dimensions: TEA } })),
      { kind: 'segment', segment: TEA_SEGMENT }, []],
    ['any segment', RecipientSource.bySegment(), { kind: 'segment' }, ['segment']],
    ['any segment that may be built on others', RecipientSource.bySegment(undefined, { segments: { abc: RecipientSource.byTag('a') } }),
      { kind: 'segment', segments: { abc: { kind: 'tag', tag: 'a' } } }, ['segment']],
    ['a segment that is built on another', RecipientSource.bySegment(BUILT_ON, { segments: { abc: RecipientSource.byTag() } }), {
      kind: 'segment',
      segment: { Groups: [{ Dimensions: [TEA], Type: 'ALL', SourceSegments: [{ Id: 'abc' }], SourceType: 'ALL' }], Include: 'ALL' },
      segments: { abc: { kind: 'tag' } },
    }, ['tag']],
    ['a difference', RecipientSource.difference(RecipientSource.allSubscribers(), RecipientSource.byTag('staff')),
      { kind: 'difference', of: { kind: 'subscribers' }, without: { kind: 'tag', tag: 'staff' } }, []],
    ['an intersection', RecipientSource.intersection(RecipientSource.byTag(), RecipientSource.bySegment()),
      { kind: 'intersection', of: { kind: 'tag' }, and: { kind: 'segment' } }, ['tag', 'segment']],
    ['a sample', RecipientSource.sample(RecipientSource.byTag('a'), 0.29), { kind: 'sample', of: { kind: 'tag', tag: 'a' }, percent: 0.29, seed: 'sample' }, []],
    ['a sample with a seed', RecipientSource.sample(RecipientSource.allSubscribers(), 99.99, { seed: 'spring' }),
      { kind: 'sample', of: { kind: 'subscribers' }, percent: 99.99, seed: 'spring' }, []],
  ])('%s', (_name, source, config, needs) => {
    expect(configOf(source)).toEqual(config);
    expect(source._bind().needs).toEqual(needs);
    expect(source._bind().functions).toEqual([]);
  });

  test('a sample of a sample is drawn by another hash, the rest of a sample by the same', () => {
    const everybody = RecipientSource.allSubscribers();
    const tenth = RecipientSource.sample(everybody, 10);
    const seeds = (source: RecipientSource) => [...JSON.stringify(configOf(source)).matchAll(/"seed":"(.*?)"/g)].map(([, seed]) => seed);
    expect(seeds(RecipientSource.sample(tenth, 50))).toEqual(['sample', 'sample-2']);
    expect(seeds(RecipientSource.sample(RecipientSource.difference(everybody, tenth), 50))).toEqual(['sample', 'sample-2']);
    expect(seeds(RecipientSource.sample(RecipientSource.intersection(tenth, everybody), 50))).toEqual(['sample', 'sample-2']);
    expect(seeds(RecipientSource.sample(RecipientSource.bySegment(BUILT_ON, { segments: { abc: tenth } }), 50))).toEqual(['sample', 'sample-2']);
    expect(seeds(RecipientSource.difference(tenth, tenth))).toEqual(['sample', 'sample']);
  });
});

describe('what the runner may read', () => {
  test('one object, or all of a bucket where campaigns name the key', () => {
    const stack = testStack();
    const role = new iam.Role(stack, 'Role', { assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com') });
    const lists = s3.Bucket.fromBucketName(stack, 'Lists', 'lists');
    const drops = s3.Bucket.fromBucketName(stack, 'Drops', 'drops');
    const source = RecipientSource.sample(RecipientSource.difference(
      RecipientSource.listInS3(lists, { key: 'vip.csv', includeUnknown: true }),
      RecipientSource.bySegment(BUILT_ON, { segments: { abc: RecipientSource.listInS3(drops) } }),
    ), 50);
    expect(source._bind().needs).toEqual(['key']);
    expect(stack.resolve(configOf(source))).toMatchObject({
      of: { of: { kind: 'list', bucket: 'lists', key: 'vip.csv', includeUnknown: true }, without: { segments: { abc: { kind: 'list', bucket: 'drops' } } } },
    });
    const { grantRead } = source._bind();
    grantRead(role);
    expect(statementsOf(Template.fromStack(stack), 'Role').map(({ resources }) => resources)).toEqual([
      ['arn:<AWS::Partition>:s3:::lists', 'arn:<AWS::Partition>:s3:::lists/vip.csv'],
      ['arn:<AWS::Partition>:s3:::drops', 'arn:<AWS::Partition>:s3:::drops/*'],
    ]);
  });

  test('functions are handed on once each, however deep they are', () => {
    const stack = testStack();
    const [one, two] = [functionIn(stack, 'one'), functionIn(stack, 'two')];
    const source = RecipientSource.intersection(
      RecipientSource.difference(RecipientSource.fromFunction(one), RecipientSource.fromFunction(two, { includeUnknown: true })),
      RecipientSource.fromFunction(one),
    );
    expect(source._bind().functions).toEqual([one, two]);
    expect(configOf(source)).toMatchObject({ of: { without: { kind: 'function', functionArn: two.functionArn, includeUnknown: true } } });
  });
});

describe('a definition in a file', () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'segments-'));
  afterAll(() => fs.rmSync(folder, { recursive: true }));
  const file = (name: string, content: string) => {
    fs.writeFileSync(path.join(folder, name), content);
    return path.join(folder, name);
  };

  test('is read when the app is synthesized, with or without a byte order mark', () => {
    expect(configOf(RecipientSource.segmentFile(file('tea.json', `\uFEFF${JSON.stringify({ Dimensions: TEA })}`)))).toEqual({ kind: 'segment', segment: TEA_SEGMENT });
    expect(configOf(RecipientSource.segmentFile(file('built-on.json', BUILT_ON), { segments: { abc: RecipientSource.byTag('a') } })))
      .toMatchObject({ segments: { abc: { kind: 'tag', tag: 'a' } } });
  });

  test('names itself when it is wrong', () => {
    const wrong = file('wrong.json', '{"Dimensions": {"UserAttribute": {}}}');
    expect(() => RecipientSource.segmentFile(wrong))
      .toThrow(`RecipientSource.segmentFile('${wrong}') cannot use the definition: \`definition.Dimensions.UserAttribute\` is not known, allowed are Attributes, Behavior, Demographic, Location, Metrics, UserAttributes; did you mean UserAttributes?`);
    expect(() => RecipientSource.segmentFile(path.join(folder, 'none.json')))
      .toThrow(`RecipientSource.segmentFile('${path.join(folder, 'none.json')}') cannot read the file, which is looked for from ${process.cwd()}: ENOENT`);
  });
});

describe('what is refused at synth', () => {
  const bucket = (stack = testStack()) => s3.Bucket.fromBucketName(stack, 'Lists', 'lists');

  test.each<[string, () => RecipientSource, string]>([
    ['a tag with #', () => RecipientSource.byTag('a#b'), "`tag` of RecipientSource.byTag() must be 1 to 64 letters, digits, spaces (inside), `_`, `.` and `-`, got 'a#b'"],
    ['an empty tag', () => RecipientSource.byTag(''), "`tag` of RecipientSource.byTag() must be 1 to 64 letters, digits, spaces (inside), `_`, `.` and `-`, got ''"],
    ['a definition that is no JSON', () => RecipientSource.bySegment('{'), 'RecipientSource.bySegment() needs a definition in JSON: '],
    ['a wrong criterion', () => RecipientSource.bySegment('{"Metrics": {"Orders": {"ComparisonOperator": "EQUALS", "Value": 1}}}'),
      'RecipientSource.bySegment() cannot use the definition: `definition.Metrics.Orders.ComparisonOperator` must be one of EQUAL, GREATER_THAN, GREATER_THAN_OR_EQUAL, LESS_THAN, LESS_THAN_OR_EQUAL, got "EQUALS"; did you mean EQUAL?'],
    ['an imported segment', () => RecipientSource.bySegment('{"SegmentResponse": {"SegmentType": "IMPORT"}}'),
      'RecipientSource.bySegment() cannot use the definition: `definition.SegmentResponse` must be a dimensional segment, got an imported one'],
    ['another segment that nobody names', () => RecipientSource.bySegment(BUILT_ON),
      'RecipientSource.bySegment(): the definition is built on the segments abc: say in the option `segments` what each of them is'],
    ['a segment that nobody asks for', () => RecipientSource.bySegment(BUILT_ON, { segments: { abc: RecipientSource.byTag('a'), abd: RecipientSource.byTag('a') } }),
      'RecipientSource.bySegment(): `segments` says what abd is, but the definition is built on abc'],
    ['segments for a definition that is built on none', () => RecipientSource.bySegment(JSON.stringify(TEA), { segments: { abc: RecipientSource.byTag('a') } }),
      'RecipientSource.bySegment(): `segments` says what abc is, but the definition is not built on other segments'],
    ['a folder', () => RecipientSource.listInS3(bucket(), { key: 'lists/' }),
      "`key` of RecipientSource.listInS3() must be the key of an object (at most 1024 bytes, not a folder), got 'lists/'"],
    ...[0, -1, 100, 0.001, 33.333, NaN].map((percent): [string, () => RecipientSource, string] => [
      `${percent} %`, () => RecipientSource.sample(RecipientSource.allSubscribers(), percent),
      `\`percent\` of RecipientSource.sample() must be from 0.01 to 99.99 with at most two decimals, got ${percent}`,
    ]),
    ['no seed', () => RecipientSource.sample(RecipientSource.allSubscribers(), 1, { seed: '' }), "`seed` of RecipientSource.sample() must be a text, got ''"],
    ['two tags of the campaign', () => RecipientSource.difference(RecipientSource.byTag(), RecipientSource.byTag()),
      'RecipientSource.difference() leaves `tag` to the campaign in two places, which can name one only: give it in one of them'],
    ['two segments of the campaign', () => RecipientSource.bySegment(undefined, { segments: { abc: RecipientSource.bySegment() } }),
      'RecipientSource.bySegment() leaves `segment` to the campaign in two places, which can name one only: give it in one of them'],
  ])('%s', (_name, make, message) => {
    expect(make).toThrow(message);
  });

  test('not what is known at deployment only', () => {
    const stack = testStack();
    const parameter = (id: string) => new CfnParameter(stack, id);
    expect(() => RecipientSource.byTag(parameter('Tag').valueAsString)).not.toThrow();
    expect(() => RecipientSource.listInS3(bucket(stack), { key: parameter('Key').valueAsString })).not.toThrow();
    expect(() => RecipientSource.sample(RecipientSource.allSubscribers(), new CfnParameter(stack, 'Percent', { type: 'Number' }).valueAsNumber)).not.toThrow();
  });
});
