import * as fc from 'fast-check';
import { SourceChoice, SourceConfig, SourceExpression, SourceLeaf } from '../../../src/contract/campaigns';
import { sourceNeeds } from '../../../src/contract/recipient-sources';
import { FilteredEndpoint, compileFilter } from '../../../src/domain/campaigns/segment-filter';
import { SourceError } from '../../../src/domain/campaigns/source-error';
import { evaluate } from '../../../src/domain/campaigns/source-expression';
import { choiceProblems, planRetry, planSource } from '../../../src/domain/campaigns/source-plan';
import { inSample } from '../../../src/domain/campaigns/stable-share';

const LISTS = { bucket: 'runs', prefix: 'runs/run-1/source-1/' };
const plan = (config: SourceConfig, choice: Omit<SourceChoice, 'name'> = {}) => planSource(config, { name: 'vip', ...choice }, LISTS);

const TEA = { UserAttributes: { Interests: { AttributeType: 'INCLUSIVE', Values: ['tea'] } } };
const TEA_GROUP = { Dimensions: [TEA], Type: 'ALL', SourceSegments: [], SourceType: 'ALL' };
const TEA_FILTER = { Groups: [TEA_GROUP], Include: 'ALL' };
const EVERYBODY: SourceConfig = { kind: 'subscribers' };
const tag = (name: string): SourceConfig => ({ kind: 'tag', tag: name });

test.each<[string, SourceConfig, Omit<SourceChoice, 'name'>, readonly SourceLeaf[], SourceExpression]>([
  ['all subscribers', EVERYBODY, {}, [{ kind: 'table' }], { leaf: 0 }],
  ['a tag', tag('a'), {}, [{ kind: 'tag', tag: 'a' }], { leaf: 0 }],
  ['a tag of the campaign', { kind: 'tag' }, { tag: '春 2026' }, [{ kind: 'tag', tag: '春 2026' }], { leaf: 0 }],
  ['a segment', { kind: 'segment', segment: TEA }, {}, [{ kind: 'table', filter: TEA_FILTER }], { leaf: 0 }],
  ['a segment of the campaign', { kind: 'segment' }, { segment: { Dimensions: TEA } }, [{ kind: 'table', filter: TEA_FILTER }], { leaf: 0 }],
  ['a segment that says nothing', { kind: 'segment', segment: { Dimensions: {} } }, {}, [{ kind: 'table' }], { leaf: 0 }],
  ['a list', { kind: 'list', bucket: 'b', key: 'vip.csv' }, {}, [{ kind: 'list', bucket: 'b', key: 'vip.csv', includeUnknown: false }], { leaf: 0 }],
  ['a list of the campaign', { kind: 'list', bucket: 'b', includeUnknown: true }, { key: '顧客 +1.csv' },
    [{ kind: 'list', bucket: 'b', key: '顧客 +1.csv', includeUnknown: true }], { leaf: 0 }],
  ['a difference', { kind: 'difference', of: EVERYBODY, without: tag('staff') }, {},
    [{ kind: 'table' }, { kind: 'tag', tag: 'staff' }], { all: [{ leaf: 0 }, { not: { leaf: 1 } }] }],
  ['an intersection', { kind: 'intersection', of: tag('a'), and: tag('b') }, {},
    [{ kind: 'tag', tag: 'a' }, { kind: 'tag', tag: 'b' }], { all: [{ leaf: 0 }, { leaf: 1 }] }],
  ['a sample', { kind: 'sample', of: tag('a'), percent: 10, seed: 's' }, {}, [{ kind: 'tag', tag: 'a' }], { sample: { leaf: 0 }, percent: 10, seed: 's' }],
  ['what is there twice is read once', { kind: 'difference', of: EVERYBODY, without: { kind: 'sample', of: EVERYBODY, percent: 10, seed: 's' } }, {},
    [{ kind: 'table' }], { all: [{ leaf: 0 }, { not: { sample: { leaf: 0 }, percent: 10, seed: 's' } }] }],
  ['a segment that is built on another', {
    kind: 'segment', segment: { Groups: [{ ...TEA_GROUP, SourceSegments: [{ Id: 'abc', Version: 2 }] }] }, segments: { abc: tag('imported') },
  }, {}, [{ kind: 'tag', tag: 'imported' }, { kind: 'table', filter: TEA_FILTER }], { all: [{ leaf: 0 }, { leaf: 1 }] }],
  ['a segment that is others without more', {
    kind: 'segment', segment: { Groups: [{ SourceSegments: [{ Id: 'a' }, { Id: 'b' }], SourceType: 'ANY' }] }, segments: { a: tag('a'), b: tag('b') },
  }, {}, [{ kind: 'tag', tag: 'a' }, { kind: 'tag', tag: 'b' }], { any: [{ leaf: 0 }, { leaf: 1 }] }],
  ['whoever is in no other segment is one of the subscribers', {
    kind: 'segment', segment: { Groups: [{ SourceSegments: [{ Id: 'a' }], SourceType: 'NONE' }] }, segments: { a: tag('a') },
  }, {}, [{ kind: 'tag', tag: 'a' }, { kind: 'table' }], { all: [{ leaf: 1 }, { not: { any: [{ leaf: 0 }] } }] }],
])('%s', (_name, config, choice, leaves, expression) => {
  expect(plan(config, choice)).toEqual({ leaves, expression, functions: [] });
});

test('functions write each below a prefix of its own, and one that is there twice is invoked once', () => {
  const one: SourceConfig = { kind: 'function', functionArn: 'arn:one' };
  const two: SourceConfig = { kind: 'function', functionArn: 'arn:two', includeUnknown: true };
  const { leaves, expression, functions } = plan({ kind: 'intersection', of: { kind: 'difference', of: one, without: two }, and: one });
  expect(leaves).toEqual([
    { kind: 'lists', bucket: 'runs', prefix: 'runs/run-1/source-1/0/', includeUnknown: false },
    { kind: 'lists', bucket: 'runs', prefix: 'runs/run-1/source-1/1/', includeUnknown: true },
  ]);
  expect(expression).toEqual({ all: [{ all: [{ leaf: 0 }, { not: { leaf: 1 } }] }, { leaf: 0 }] });
  expect(functions).toEqual([
    { leaf: 0, functionArn: 'arn:one', bucket: 'runs', prefix: 'runs/run-1/source-1/0/' },
    { leaf: 1, functionArn: 'arn:two', bucket: 'runs', prefix: 'runs/run-1/source-1/1/' },
  ]);
});

test('a retry reads the other run only', () => {
  expect(planRetry({ runId: 'run-0', statuses: ['failed', 'unknown'] }))
    .toEqual({ leaves: [{ kind: 'undelivered', runId: 'run-0', statuses: ['failed', 'unknown'] }], expression: { leaf: 0 }, functions: [] });
});

test.each<[string, SourceConfig, Omit<SourceChoice, 'name'>, string]>([
  ['no tag', { kind: 'tag' }, {}, '`source.tag` must be given: the source "vip" was registered without a tag'],
  ['a tag that is none', { kind: 'tag' }, { tag: 'a#b' }, '`source.tag` must be 1 to 64 letters, digits, spaces (inside), `_`, `.` and `-`, got "a#b"'],
  ['a tag that is no text', { kind: 'tag' }, { tag: 7 as unknown as string }, '`source.tag` must be 1 to 64 letters, digits, spaces (inside), `_`, `.` and `-`, got 7'],
  ['a tag too much', tag('a'), { tag: 'b' }, '`source.tag` must be left out, got "b": the source "vip" was registered with all that it needs of it'],
  ['no segment', { kind: 'segment' }, {}, '`source.segment` must be given: the source "vip" was registered without a segment'],
  ['a wrong segment', { kind: 'segment' }, { segment: { Metrics: { Orders: { ComparisonOperator: 'EQUAL' } } } }, '`source.segment.Metrics.Orders.Value` must be a number, got nothing'],
  ['no key', { kind: 'list', bucket: 'b' }, {}, '`source.key` must be given: the source "vip" was registered without a key'],
  ['a folder', { kind: 'list', bucket: 'b' }, { key: 'lists/' }, '`source.key` must be the key of an object (at most 1024 bytes, not a folder), got "lists/"'],
  ['a key too long', { kind: 'list', bucket: 'b' }, { key: '顧'.repeat(342) }, `\`source.key\` must be the key of an object (at most 1024 bytes, not a folder), got "${'顧'.repeat(199)}…`],
  ['all of it', { kind: 'intersection', of: { kind: 'tag' }, and: { kind: 'list', bucket: 'b' } }, { segment: TEA },
    `\`source.tag\` must be given: the source "vip" was registered without a tag; \`source.segment\` must be left out, got ${JSON.stringify(TEA)}: the source "vip" was registered with all that it needs of it; \`source.key\` must be given: the source "vip" was registered without a key`],
  ['a tag registered by a name that turned out to be none', tag(''), {}, '`sources.vip.tag` must be 1 to 64 letters, digits, spaces (inside), `_`, `.` and `-`, got ""'],
  ['a registered segment that is wrong', { kind: 'difference', of: EVERYBODY, without: { kind: 'segment', segment: {} } }, {},
    '`sources.vip.without.segment` must be Amazon Pinpoint\'s segment: what GetSegment answers, or its `Dimensions` or `SegmentGroups`, got {}: for everybody leave the segment out and use the source of all subscribers'],
  ['a segment that is built on what nobody knows', { kind: 'segment', segments: { other: tag('a') } }, { segment: { Groups: [{ SourceSegments: [{ Id: 'abc' }] }] } },
    '`source.segment` is built on the segments ["abc"], of which nothing says what they are: give the option `segments` of `RecipientSource.bySegment` a source for each, it has other'],
  ['a segment that is built on a member of every object', { kind: 'segment', segment: { Groups: [{ SourceSegments: [{ Id: 'constructor' }] }] } }, {},
    '`sources.vip.segment` is built on the segments ["constructor"], of which nothing says what they are: give the option `segments` of `RecipientSource.bySegment` a source for each, it has none'],
])('%s is refused', (_name, config, choice, message) => {
  expect(() => plan(config, choice)).toThrow(SourceError);
  expect(() => plan(config, choice)).toThrow(expect.objectContaining({ message }));
});

test('what a campaign must bring is found however deep it is', () => {
  const open: SourceConfig = {
    kind: 'sample',
    percent: 1,
    seed: 's',
    of: { kind: 'difference', of: { kind: 'list', bucket: 'b' }, without: { kind: 'intersection', of: { kind: 'segment', segments: { a: { kind: 'tag' } } }, and: EVERYBODY } },
  };
  expect(sourceNeeds(open)).toEqual(['tag', 'segment', 'key']);
  expect(sourceNeeds({ kind: 'function', functionArn: 'arn' })).toEqual([]);
  expect(choiceProblems(['tag'], { name: 'vip', tag: 'a' })).toEqual([]);
});

describe('any source, any people', () => {
  interface Person { readonly id: string; readonly row?: FilteredEndpoint; readonly tags: readonly string[]; readonly lists: readonly string[] }

  const people: fc.Arbitrary<Person[]> = fc.uniqueArray(fc.record({
    id: fc.integer({ min: 0, max: 40 }).map((number) => `U${String(number).padStart(32, '0')}`),
    // Undefined: on lists only, unknown to the table.
    row: fc.option(fc.record({ interest: fc.constantFrom('tea', 'coffee'), orders: fc.integer({ min: 0, max: 2 }) }).map(({ interest, orders }): FilteredEndpoint =>
      ({ User: { UserAttributes: { Interests: [interest] } }, Metrics: { Orders: orders } })), { nil: undefined }),
    tags: fc.subarray(['a', 'b']),
    lists: fc.subarray(['x', 'y']),
  }), { selector: ({ id }) => id, maxLength: 12 });

  const join = fc.constantFrom<'ALL' | 'ANY' | 'NONE'>('ALL', 'ANY', 'NONE');
  const dimensions = fc.oneof(
    fc.constantFrom('tea', 'coffee').map((interest) => ({ UserAttributes: { Interests: { AttributeType: 'INCLUSIVE', Values: [interest] } } })),
    fc.integer({ min: 0, max: 2 }).map((orders) => ({ Metrics: { Orders: { ComparisonOperator: 'GREATER_THAN', Value: orders } } })),
  );
  const { source } = fc.letrec<{ source: SourceConfig }>((tie) => ({
    source: fc.oneof({ maxDepth: 3, withCrossShrink: true },
      fc.constant(EVERYBODY),
      fc.constantFrom('a', 'b').map(tag),
      fc.constantFrom('x', 'y').map((key): SourceConfig => ({ kind: 'list', bucket: 'lists', key })),
      fc.record({ kind: fc.constant('difference' as const), of: tie('source'), without: tie('source') }),
      fc.record({ kind: fc.constant('intersection' as const), of: tie('source'), and: tie('source') }),
      fc.record({ kind: fc.constant('sample' as const), of: tie('source'), percent: fc.constantFrom(10, 50, 99.99), seed: fc.constantFrom('s', 't') }),
      fc.record({
        kind: fc.constant('segment' as const),
        segment: fc.record({
          Groups: fc.array(fc.record({
            Dimensions: fc.array(dimensions, { maxLength: 2 }), Type: join, SourceSegments: fc.subarray([{ Id: 'one' }, { Id: 'two' }]), SourceType: join,
          }), { minLength: 1, maxLength: 2 }),
          Include: join,
        }),
        segments: fc.record({ one: tie('source'), two: tie('source') }),
      }),
    ),
  }));

  type Definition = { Include: 'ALL' | 'ANY' | 'NONE'; Groups: { Dimensions: object[]; Type: 'ALL' | 'ANY' | 'NONE'; SourceSegments: { Id: string }[]; SourceType: 'ALL' | 'ANY' | 'NONE' }[] };

  /** Members by sets, as one would say it aloud; without leaves, expressions, or a plan. */
  function membersOf(config: SourceConfig, all: Person[]): Set<string> {
    const ids = (which: (person: Person) => boolean) => new Set(all.filter(which).map(({ id }) => id));
    const both = (one: Set<string>, other: Set<string>) => new Set([...one].filter((id) => other.has(id)));
    const less = (one: Set<string>, other: Set<string>) => new Set([...one].filter((id) => !other.has(id)));
    const table = ids(({ row }) => row !== undefined);
    const joined = (type: 'ALL' | 'ANY' | 'NONE', sets: Set<string>[]) => {
      if (sets.length === 0) {
        return table;
      }
      const union = new Set(sets.flatMap((set) => [...set]));
      return type === 'ALL' ? sets.reduce(both) : type === 'ANY' ? union : less(table, union);
    };
    switch (config.kind) {
      case 'subscribers': return table;
      case 'tag': return ids(({ tags }) => tags.includes(config.tag!));
      case 'list': return ids(({ lists }) => lists.includes(config.key!));
      case 'difference': return less(membersOf(config.of, all), membersOf(config.without, all));
      case 'intersection': return both(membersOf(config.of, all), membersOf(config.and, all));
      case 'sample': return new Set([...membersOf(config.of, all)].filter((id) => inSample(config.seed, id, config.percent)));
      case 'segment': {
        const { Groups, Include } = config.segment as Definition;
        return joined(Include, Groups.map((group) => {
          const bases = group.SourceSegments.map(({ Id }) => membersOf(config.segments![Id], all));
          const base = joined(group.SourceType, bases);
          const filters = group.Dimensions.map((one) => ids(({ row }) => row !== undefined && compileFilter(one)(row, 0)));
          return group.Dimensions.length === 0 ? base : both(base, joined(group.Type, filters));
        }));
      }
      default: throw new Error(`no members of ${config.kind}`);
    }
  }

  /** Leaves that a reader finds a person in. */
  function leavesOf(person: Person, leaves: readonly SourceLeaf[]): Set<number> {
    const isIn = (leaf: SourceLeaf): boolean => {
      switch (leaf.kind) {
        case 'table': return person.row !== undefined && (leaf.filter === undefined || compileFilter(leaf.filter)(person.row, 0));
        case 'tag': return person.tags.includes(leaf.tag);
        case 'list': return person.lists.includes(leaf.key);
        default: throw new Error(`no ${leaf.kind} here`);
      }
    };
    return new Set(leaves.flatMap((leaf, number) => isIn(leaf) ? [number] : []));
  }

  test('the plan holds whom the source describes, and nobody who is in no leaf', () => {
    let members = 0;
    fc.assert(fc.property(source, people, (config, all) => {
      const { leaves, expression } = JSON.parse(JSON.stringify(plan(config))) as ReturnType<typeof plan>;
      const found = all.filter((person) => evaluate(expression, leavesOf(person, leaves), person.id)).map(({ id }) => id);
      expect(new Set(found)).toEqual(membersOf(config, all));
      expect(new Set(leaves.map((leaf) => JSON.stringify(leaf))).size).toBe(leaves.length);
      all.forEach(({ id }) => expect(evaluate(expression, new Set(), id)).toBe(false));
      members += found.length;
    }), { numRuns: 2_000 });
    // Not all of them were empty.
    expect(members).toBeGreaterThan(1_000);
  });
});
