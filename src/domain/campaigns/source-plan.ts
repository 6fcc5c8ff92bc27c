import { readSegment } from './segment-definition';
import { SourceError } from './source-error';
import { CampaignInput, SourceChoice, SourceConfig, SourceExpression, SourceLeaf, SourceNeeds } from '../../contract/campaigns';
import { sourceNeeds } from '../../contract/recipient-sources';
import { InputProblem, Segment, SegmentGroup, SegmentJoin, checkSegment, received, sourceSegmentIds } from '../../contract/segments';
import { TAG_PATTERN } from '../../contract/subscriber';

/** What is read for a source, and who then belongs to it. */
export interface SourcePlan {
  readonly leaves: readonly SourceLeaf[];
  /** False for people who are in no leaf. */
  readonly expression: SourceExpression;
  /** Functions that write the objects of a `lists` leaf, to be invoked before it is read. */
  readonly functions: readonly { readonly leaf: number; readonly functionArn: string; readonly bucket: string; readonly prefix: string }[];
}

/** Where functions write their lists: `<prefix><leaf>/`. */
export interface FunctionLists {
  readonly bucket: string;
  /** Ends with `/`. */
  readonly prefix: string;
}

/** Most UTF-8 bytes of a key. Source: Amazon S3, "Naming Amazon S3 objects". */
const MAX_KEY_BYTES = 1_024;

/** What is wrong with the choice of a source that needs `needs`: something is missing, too much, or wrong in itself. */
export function choiceProblems(needs: SourceNeeds[string], choice: SourceChoice): readonly InputProblem[] {
  const members = { tag: choice.tag, segment: choice.segment, key: choice.key };
  return (['tag', 'segment', 'key'] as const).flatMap((member): readonly InputProblem[] => {
    const path = `source.${member}`;
    const value: unknown = members[member];
    if (!needs.includes(member)) {
      return value === undefined ? [] : [{ path, message: `must be left out, got ${received(value)}: the source "${choice.name}" was registered with all that it needs of it` }];
    }
    if (member === 'segment') {
      return value === undefined ? [{ path, message: `must be given: the source "${choice.name}" was registered without a segment` }]
        : checkSegment(value, path).problems;
    }
    if (value === undefined) {
      return [{ path, message: `must be given: the source "${choice.name}" was registered without a ${member}` }];
    }
    return member === 'tag' ? tagProblems(value, path) : keyProblems(value, path);
  });
}

function tagProblems(tag: unknown, path: string): readonly InputProblem[] {
  return typeof tag === 'string' && TAG_PATTERN.test(tag) ? []
    : [{ path, message: `must be 1 to 64 letters, digits, spaces (inside), \`_\`, \`.\` and \`-\`, got ${received(tag)}` }];
}

function keyProblems(key: unknown, path: string): readonly InputProblem[] {
  return typeof key === 'string' && key !== '' && !key.endsWith('/') && Buffer.byteLength(key) <= MAX_KEY_BYTES ? []
    : [{ path, message: `must be the key of an object (at most ${MAX_KEY_BYTES} bytes, not a folder), got ${received(key)}` }];
}

/**
 * Plans what is read for a source, as it was registered and chosen. Equal leaves are one; all `table` leaves can be read by one scan.
 *
 * A segment holds subscribers of the table, and members of its source segments: whoever a `NONE` or a group without source segments
 * lets in is one of the table.
 *
 * @param config the source as registered under `choice.name`
 * @param lists where its functions write
 * @throws SourceError when the choice does not fit, or a definition is wrong
 */
export function planSource(config: SourceConfig, choice: SourceChoice, lists: FunctionLists): SourcePlan {
  const problems = choiceProblems(sourceNeeds(config), choice);
  if (problems.length > 0) {
    throw new SourceError(problems);
  }
  const planner = new Planner(choice, lists);
  const expression = planner.expressionOf(config, `sources.${choice.name}`);
  return { leaves: planner.leaves, expression, functions: planner.functions };
}

/** Plans a run of people whom another run did not reach. */
export function planRetry({ runId, statuses }: NonNullable<CampaignInput['retryOf']>): SourcePlan {
  return { leaves: [{ kind: 'undelivered', runId, statuses }], expression: { leaf: 0 }, functions: [] };
}

/** Collects the leaves of an expression while it is made. */
class Planner {
  public readonly leaves: SourceLeaf[] = [];
  public readonly functions: { leaf: number; functionArn: string; bucket: string; prefix: string }[] = [];
  /** JSON of what a leaf reads → its number. */
  private readonly numbers = new Map<string, number>();

  constructor(private readonly choice: SourceChoice, private readonly lists: FunctionLists) {}

  /** `path` is where the source is registered, for errors. */
  public expressionOf(config: SourceConfig, path: string): SourceExpression {
    switch (config.kind) {
      case 'subscribers':
        return this.everybody();
      case 'tag': {
        const { tag = this.choice.tag ?? '' } = config;
        throwOn(tagProblems(tag, `${path}.tag`));
        return this.leaf({ kind: 'tag', tag });
      }
      case 'list': {
        const { bucket, key = this.choice.key ?? '' } = config;
        throwOn(keyProblems(key, `${path}.key`));
        return this.leaf({ kind: 'list', bucket, key, includeUnknown: config.includeUnknown === true });
      }
      case 'function':
        return this.functionLeaf(config.functionArn, config.includeUnknown === true);
      case 'segment':
        return this.segment(
          config.segment === undefined ? readSegment(this.choice.segment, 'source.segment') : readSegment(config.segment, `${path}.segment`),
          config.segment === undefined ? 'source.segment' : `${path}.segment`,
          config.segments ?? {},
          path,
        );
      case 'difference':
        return { all: [this.expressionOf(config.of, `${path}.of`), { not: this.expressionOf(config.without, `${path}.without`) }] };
      case 'intersection':
        return { all: [this.expressionOf(config.of, `${path}.of`), this.expressionOf(config.and, `${path}.and`)] };
      case 'sample':
        return { sample: this.expressionOf(config.of, `${path}.of`), percent: config.percent, seed: config.seed };
    }
  }

  private everybody(): SourceExpression {
    return this.leaf({ kind: 'table' });
  }

  private leaf(leaf: SourceLeaf): SourceExpression {
    return { leaf: this.numberOf(JSON.stringify(leaf), () => leaf) };
  }

  /** The number is in the prefix, and so cannot be in what makes the leaf equal to another. */
  private functionLeaf(functionArn: string, includeUnknown: boolean): SourceExpression {
    const { bucket } = this.lists;
    return {
      leaf: this.numberOf(JSON.stringify([functionArn, includeUnknown]), (number) => {
        const prefix = `${this.lists.prefix}${number}/`;
        this.functions.push({ leaf: number, functionArn, bucket, prefix });
        return { kind: 'lists', bucket, prefix, includeUnknown };
      }),
    };
  }

  private numberOf(identity: string, make: (number: number) => SourceLeaf): number {
    const known = this.numbers.get(identity);
    if (known !== undefined) {
      return known;
    }
    const number = this.leaves.length;
    this.numbers.set(identity, number);
    this.leaves.push(make(number));
    return number;
  }

  /** `path`: of the definition; `sourcePath`: of the source, which says what other segments stand for. */
  private segment(segment: Segment, path: string, segments: { readonly [id: string]: SourceConfig }, sourcePath: string): SourceExpression {
    if (segment.Groups.every(({ SourceSegments }) => SourceSegments.length === 0)) {
      return this.filtered(segment);
    }
    const unknown = sourceSegmentIds(segment).filter((id) => !Object.hasOwn(segments, id));
    throwOn(unknown.length === 0 ? [] : [{
      path,
      message: `is built on the segments ${received(unknown)}, of which nothing says what they are: give the option \`segments\` of `
        + `\`RecipientSource.bySegment\` a source for each, it has ${Object.keys(segments).join(', ') || 'none'}`,
    }]);
    return this.join(segment.Include, segment.Groups.map((group) => this.group(group, (id) => this.expressionOf(segments[id], `${sourcePath}.segments.${id}`))));
  }

  private group(group: SegmentGroup, segmentOf: (id: string) => SourceExpression): SourceExpression {
    const filtered = (): SourceExpression => this.filtered({ Groups: [{ ...group, SourceSegments: [], SourceType: 'ALL' }], Include: 'ALL' });
    if (group.SourceSegments.length === 0) {
      return filtered();
    }
    const base = this.join(group.SourceType, group.SourceSegments.map(({ Id }) => segmentOf(Id)));
    return group.Dimensions.length === 0 ? base : { all: [base, filtered()] };
  }

  /** People of the table for whom the definition is true. */
  private filtered(segment: Segment): SourceExpression {
    // Groups and dimensions that say nothing are not left out: they are true, which `ANY` and `NONE` must know.
    const saysNothing = segment.Groups.length === 0 || (segment.Include === 'ALL' && segment.Groups.every(({ Dimensions }) => Dimensions.length === 0));
    return saysNothing ? this.everybody() : this.leaf({ kind: 'table', filter: segment });
  }

  /** `parts` is not empty. */
  private join(type: SegmentJoin, parts: readonly SourceExpression[]): SourceExpression {
    if (type === 'NONE') {
      return { all: [this.everybody(), { not: { any: parts } }] };
    }
    return parts.length === 1 ? parts[0] : type === 'ALL' ? { all: parts } : { any: parts };
  }
}

function throwOn(problems: readonly InputProblem[]): void {
  if (problems.length > 0) {
    throw new SourceError(problems);
  }
}
