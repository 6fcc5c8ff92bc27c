import { CampaignObjects, linesOf } from './campaign-objects';
import { EndpointMembers, endpointJson } from './endpoint-members';
import { sideBySide } from './side-by-side';
import { CampaignExecution, SPILL_PREFIX, SpillLine } from '../../contract/campaigns';

/**
 * People are spilled to objects by a hash of their id: a partition holds all that was read of a person, by whichever part, and is small
 * enough for memory. So duplicates, set operations and the order of people take no more memory for a million than for ten thousand.
 */
export function partitionOf(id: string, partitions: number): number {
  let hash = 0;
  for (let at = 0; at < id.length; at++) {
    hash = (hash * 257 + id.charCodeAt(at)) % HASH_MODULUS;
  }
  return hash % partitions;
}

/** A prime, so that every character counts in every bit. */
const HASH_MODULUS = 4_294_967_291;

/** Which objects of a part are meant. */
export interface SpillPlace extends CampaignExecution {
  readonly part: number;
  readonly attempt: string;
}

export function spillKey({ runId, generation, part, attempt }: SpillPlace, partition: number, number: number): string {
  return `${SPILL_PREFIX}${runId}/${generation}/${partition}/${part}-${attempt}-${number}.jsonl`;
}

/** Bytes of lines that wait in memory to be written: more than a part of the table has. */
const MAX_WAITING_BYTES = 16_000_000;

/** Objects that are written at once. */
const PARALLEL_WRITES = 16;

/** Writes the people of a part. */
export class Spill {
  /** Objects by partition. */
  public readonly objects: number[];
  /** As bytes: a text that was put together keeps its pieces. */
  private waiting: Buffer[][];
  private bytes = 0;

  public constructor(private readonly place: SpillPlace, private readonly partitions: number, private readonly bucket: CampaignObjects) {
    this.objects = Array(partitions).fill(0);
    this.waiting = this.empty();
  }

  public add(line: Omit<SpillLine, 'endpoint'> & { readonly endpoint?: EndpointMembers }): void {
    const bytes = Buffer.from(`${spillText(line)}\n`);
    this.bytes += bytes.length;
    this.waiting[partitionOf(line.id, this.partitions)].push(bytes);
  }

  /** To be called after each page of people. */
  public async makeRoom(): Promise<void> {
    if (this.bytes > MAX_WAITING_BYTES) {
      await this.flush();
    }
  }

  public async flush(): Promise<void> {
    const lines = this.waiting;
    this.waiting = this.empty();
    this.bytes = 0;
    const partitions = lines.flatMap(({ length }, partition) => (length > 0 ? [partition] : []));
    await sideBySide(partitions, PARALLEL_WRITES, async (partition) => {
      const key = spillKey(this.place, partition, this.objects[partition]++);
      await this.bucket.write(key, Buffer.concat(lines[partition]));
      lines[partition] = [];
    });
  }

  private empty(): Buffer[][] {
    return Array.from({ length: this.partitions }, () => []);
  }
}

const ENDPOINT_MARK = ',"endpoint":';
const GIVEN_MARK = '{"given":';

/** The endpoint comes last, so that it need not be parsed to be packed. Where something is given, that comes first and says so. */
function spillText({ id, leaves, out, treatment, endpoint, given }: SpillLine): string {
  const head = JSON.stringify({ id, leaves, ...(out && { out }), ...(treatment !== undefined && { treatment }) });
  const whole = endpoint === undefined ? head : `${head.slice(0, -1)}${ENDPOINT_MARK}${endpointJson(endpoint)}}`;
  return given === undefined ? whole : `${GIVEN_MARK}${endpointJson(given)},${whole.slice(1)}`;
}

/** A line of the spill, its endpoint as JSON. */
export interface SpilledPerson extends Omit<SpillLine, 'endpoint'> {
  readonly endpoint?: string;
}

export function readSpill(text: string): SpilledPerson[] {
  return linesOf(text).map((line) => {
    const mark = line.startsWith(GIVEN_MARK) ? -1 : line.indexOf(ENDPOINT_MARK);
    if (mark >= 0) {
      return { ...JSON.parse(`${line.slice(0, mark)}}`), endpoint: line.slice(mark + ENDPOINT_MARK.length, -1) };
    }
    const { endpoint, ...person }: SpillLine = JSON.parse(line);
    return { ...person, ...(endpoint && { endpoint: endpointJson(endpoint) }) };
  });
}
