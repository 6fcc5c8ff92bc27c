import * as fs from 'fs';
import { Token } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { SourceConfig, SourceNeeds } from '../contract/campaigns';
import { openMembers, sourceNeeds } from '../contract/recipient-sources';
import { checkSegment, problemsText, sourceSegmentIds } from '../contract/segments';
import { TAG_PATTERN } from '../contract/subscriber';

/** Options of a source by a segment. */
export interface SegmentSourceOptions {
  /**
   * What other segments stand for on which the definition is built (`SourceSegments`): id → source. An imported segment is a file's list:
   * import the file with a tag, and give `RecipientSource.byTag` here.
   *
   * @default - none
   */
  readonly segments?: { [id: string]: RecipientSource };
}

/** Options of a source that is a list in S3. */
export interface ListSourceOptions {
  /**
   * Key of the list's object.
   *
   * @default - each campaign names it, as `source.key` of its input
   */
  readonly key?: string;

  /**
   * Whether ids that the subscriber table does not know are sent to. LINE accepts a message to somebody who is not a friend and
   * delivers nothing.
   *
   * @default false
   */
  readonly includeUnknown?: boolean;
}

/** Options of a source that is a function. */
export interface FunctionSourceOptions {
  /**
   * Whether ids that the subscriber table does not know are sent to.
   *
   * @default false
   */
  readonly includeUnknown?: boolean;
}

/** Options of a sample. */
export interface SampleSourceOptions {
  /**
   * The same people are drawn every time for the same seed, others for another.
   *
   * @default 'sample'; for a sample of a sample 'sample-2', and so on, so that it is not drawn by the same hash
   */
  readonly seed?: string;
}

/** What a source is for the runner that registers it. */
interface BoundSource {
  readonly config: SourceConfig;
  /** What a campaign must bring. */
  readonly needs: SourceNeeds[string];
  /** Lets a function read the lists. */
  readonly grantRead: (grantee: iam.IGrantable) => void;
  /** To be invoked with `RecipientFunctionEvent`, and to be let write where it says. */
  readonly functions: lambda.IFunction[];
}

/**
 * Where the recipients of campaigns come from. Register a source at a campaign runner under a name; a campaign chooses it by that name.
 * Whoever is opted out, inactive or erased is never sent to, whatever the source says.
 *
 * @example
 * RecipientSource.difference(RecipientSource.byTag('spring-sale'), RecipientSource.byTag('staff'));
 */
export abstract class RecipientSource {
  /**
   * Every subscriber of the channel.
   *
   * @example
   * RecipientSource.allSubscribers();
   */
  public static allSubscribers(): RecipientSource {
    return new ConfiguredSource({ kind: 'subscribers' });
  }

  /**
   * Subscribers with a tag, as an import gives it.
   *
   * @param tag the tag; without it each campaign names one, as `source.tag` of its input
   * @throws when it is no tag
   * @example
   * RecipientSource.byTag('spring-sale');
   */
  public static byTag(tag?: string): RecipientSource {
    if (tag !== undefined && !Token.isUnresolved(tag) && !TAG_PATTERN.test(tag)) {
      throw new Error(`\`tag\` of RecipientSource.byTag() must be 1 to 64 letters, digits, spaces (inside), \`_\`, \`.\` and \`-\`, got '${tag}'`);
    }
    return new ConfiguredSource({ kind: 'tag', tag });
  }

  /**
   * Subscribers in a segment, defined as in Amazon Pinpoint: attributes, user attributes, metrics, demographic, location, recency, and
   * groups of them. `docs/campaigns.md` says how each criterion is compared.
   *
   * @param definition JSON: what Pinpoint's `GetSegment` answers, or the `Dimensions` or `SegmentGroups` of a segment; without it each
   * campaign brings one, as `source.segment` of its input
   * @param options what other segments stand for that the definition is built on
   * @throws when the definition is wrong, with the JSON path of everything that is
   * @example
   * RecipientSource.bySegment(JSON.stringify({ UserAttributes: { Interests: { AttributeType: 'INCLUSIVE', Values: ['tea'] } } }));
   */
  public static bySegment(definition?: string, options: SegmentSourceOptions = {}): RecipientSource {
    return segmentSource(definition, options, 'RecipientSource.bySegment()');
  }

  /**
   * Subscribers in a segment whose definition is a file, read when the app is synthesized; see `bySegment`.
   *
   * @param path of the JSON file, relative to the current directory
   * @param options what other segments stand for that the definition is built on
   * @throws when the file cannot be read, or the definition in it is wrong
   * @example
   * RecipientSource.segmentFile('segments/tea-lovers.json');
   */
  public static segmentFile(path: string, options: SegmentSourceOptions = {}): RecipientSource {
    const where = `RecipientSource.segmentFile('${path}')`;
    let text: string;
    try {
      text = fs.readFileSync(path, 'utf8');
    } catch (error) {
      throw new Error(`${where} cannot read the file, which is looked for from ${process.cwd()}: ${(error as Error).message}`);
    }
    return segmentSource(text.replace(/^\uFEFF/, ''), options, where);
  }

  /**
   * People in a list: an object of LINE user ids, one a line; of CSV with a column of them; or of JSON Lines with `userId` or
   * Amazon Pinpoint's endpoints; plain or gzip.
   *
   * @param bucket where the list lies
   * @param options key of the list; whether unknown people count
   * @throws when the key is not one of an object
   * @example
   * declare const bucket: s3.Bucket;
   * RecipientSource.listInS3(bucket, { key: 'vip.csv' });
   */
  public static listInS3(bucket: s3.IBucket, options: ListSourceOptions = {}): RecipientSource {
    const { key, includeUnknown } = options;
    if (key !== undefined && !Token.isUnresolved(key) && (key === '' || key.endsWith('/') || Buffer.byteLength(key) > 1_024)) {
      throw new Error(`\`key\` of RecipientSource.listInS3() must be the key of an object (at most 1024 bytes, not a folder), got '${key}'`);
    }
    return new ConfiguredSource({ kind: 'list', bucket: bucket.bucketName, key, includeUnknown }, { buckets: [{ bucket, key }] });
  }

  /**
   * People whom a function names. Each time recipients are frozen it is invoked with `{"runId","campaign","bucket","prefix"}`, writes
   * objects of JSON Lines (see `listInS3`) below the prefix, which it is allowed to, and answers when all of them are there.
   *
   * @param handler the function, of Python or whatever you like
   * @param options whether unknown people count
   * @example
   * declare const handler: lambda.Function;
   * RecipientSource.fromFunction(handler);
   */
  public static fromFunction(handler: lambda.IFunction, options: FunctionSourceOptions = {}): RecipientSource {
    const { includeUnknown } = options;
    return new ConfiguredSource({ kind: 'function', functionArn: handler.functionArn, includeUnknown }, { functions: [handler] });
  }

  /**
   * People of one source who are not in another.
   *
   * @param source who
   * @param without who of them is left out
   * @throws when both leave the same thing to the campaign
   * @example
   * RecipientSource.difference(RecipientSource.allSubscribers(), RecipientSource.byTag('staff'));
   */
  public static difference(source: RecipientSource, without: RecipientSource): RecipientSource {
    return combined('RecipientSource.difference()', { kind: 'difference', of: source._bind().config, without: without._bind().config }, [source, without]);
  }

  /**
   * People who are in both sources.
   *
   * @param source one source
   * @param other the other
   * @throws when both leave the same thing to the campaign
   * @example
   * RecipientSource.intersection(RecipientSource.byTag('vip'), RecipientSource.byTag('tokyo'));
   */
  public static intersection(source: RecipientSource, other: RecipientSource): RecipientSource {
    return combined('RecipientSource.intersection()', { kind: 'intersection', of: source._bind().config, and: other._bind().config }, [source, other]);
  }

  /**
   * A share of a source's people, drawn by hash: the same people every time, and with more per cent the same and others.
   *
   * @param source whose people
   * @param percent more than 0 and less than 100, with at most two decimals
   * @param options the seed
   * @throws when it is no such share
   * @example
   * RecipientSource.sample(RecipientSource.allSubscribers(), 10);
   */
  public static sample(source: RecipientSource, percent: number, options: SampleSourceOptions = {}): RecipientSource {
    if (!Token.isUnresolved(percent) && !(percent >= 0.01 && percent < 100 && Number(percent.toFixed(2)) === percent)) {
      throw new Error(`\`percent\` of RecipientSource.sample() must be from 0.01 to 99.99 with at most two decimals, got ${percent}`);
    }
    if (options.seed === '') {
      throw new Error("`seed` of RecipientSource.sample() must be a text, got ''");
    }
    const { config } = source._bind();
    const depth = sampleDepth(config) + 1;
    return combined('RecipientSource.sample()', { kind: 'sample', of: config, percent, seed: options.seed ?? (depth === 1 ? 'sample' : `sample-${depth}`) }, [source]);
  }

  /**
   * What the source is for the runner that registers it.
   *
   * @internal
   */
  public abstract _bind(): BoundSource;
}

interface ReadableObjects {
  readonly bucket: s3.IBucket;
  /** Absent: any of the bucket, for a campaign names it. */
  readonly key?: string;
}

interface SourceResources {
  readonly buckets?: ReadableObjects[];
  readonly functions?: lambda.IFunction[];
}

class ConfiguredSource extends RecipientSource {
  constructor(
    private readonly config: SourceConfig,
    private readonly resources: SourceResources = {},
    private readonly parts: RecipientSource[] = [],
  ) {
    super();
  }

  public _bind(): BoundSource {
    const { buckets = [], functions = [] } = this.resources;
    const parts = this.parts.map((part) => part._bind());
    return {
      config: this.config,
      needs: sourceNeeds(this.config),
      grantRead: (grantee) => {
        buckets.forEach(({ bucket, key }) => bucket.grantRead(grantee, key));
        parts.forEach((part) => part.grantRead(grantee));
      },
      functions: [...new Set([...functions, ...parts.flatMap((part) => part.functions)])],
    };
  }
}

function segmentSource(definition: string | undefined, options: SegmentSourceOptions, where: string): RecipientSource {
  const given = options.segments ?? {};
  const segments = Object.fromEntries(Object.entries(given).map(([id, source]) => [id, source._bind().config]));
  const segment = definition === undefined ? undefined : readDefinition(definition, Object.keys(segments), where);
  const registered = Object.keys(segments).length > 0 ? { segments } : {};
  return combined(where, { kind: 'segment', segment, ...registered }, Object.values(given));
}

/** The definition as it was given, once it is known to be right. */
function readDefinition(definition: string, registered: string[], where: string): unknown {
  let json: unknown;
  try {
    json = JSON.parse(definition);
  } catch (error) {
    throw new Error(`${where} needs a definition in JSON: ${(error as Error).message}`);
  }
  const { segment, problems } = checkSegment(json, 'definition');
  if (!segment) {
    throw new Error(`${where} cannot use the definition: ${problemsText(problems)}`);
  }
  const ids = sourceSegmentIds(segment);
  const missing = ids.filter((id) => !registered.includes(id));
  if (missing.length > 0) {
    throw new Error(`${where}: the definition is built on the segments ${missing.join(', ')}: say in the option \`segments\` what each of them is`);
  }
  const unused = registered.filter((id) => !ids.includes(id));
  if (unused.length > 0) {
    throw new Error(`${where}: \`segments\` says what ${unused.join(', ')} is, but the definition is ${ids.length > 0 ? `built on ${ids.join(', ')}` : 'not built on other segments'}`);
  }
  // Checked, and without what a run does not need: names, dates and ARNs of an account that may be gone.
  return segment;
}

/** A source of other sources, of which one at most may leave each thing to the campaign: an input can name it only once. */
function combined(where: string, config: SourceConfig, parts: RecipientSource[]): RecipientSource {
  const open = openMembers(config);
  const twice = open.find((member, index) => open.indexOf(member) !== index);
  if (twice !== undefined) {
    throw new Error(`${where} leaves \`${twice}\` to the campaign in two places, which can name one only: give it in one of them`);
  }
  return new ConfiguredSource(config, {}, parts);
}

/** Samples in each other; those beside each other are drawn alike on purpose: `difference(all, sample(all, 10))` is the other 90 %. */
function sampleDepth(config: SourceConfig): number {
  switch (config.kind) {
    case 'sample':
      return 1 + sampleDepth(config.of);
    case 'difference':
      return Math.max(sampleDepth(config.of), sampleDepth(config.without));
    case 'intersection':
      return Math.max(sampleDepth(config.of), sampleDepth(config.and));
    case 'segment':
      return Math.max(0, ...Object.values(config.segments ?? {}).map(sampleDepth));
    default:
      return 0;
  }
}
