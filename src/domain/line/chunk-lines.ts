import { sha256 } from './custom-channel-event';
import { isJsonObject } from './line-message';
import { ChunkSendEvent, ObjectPlace } from '../../contract/chunk-send';

/** What is read and written of a runner's objects. Every method throws what the bucket throws. */
export interface ChunkObjects {
  /**
   * The text of an object.
   *
   * @param timeoutMs milliseconds in which it must have been read to its end
   * @throws Error that names the object, what became of it and what to do, when there is none
   */
  read(place: ChunkSendEvent['Chunk'], what: string, timeoutMs?: number): Promise<string>;
  /** The first line of an object and its version; undefined when there is none. */
  firstLine(place: ObjectPlace): Promise<{ readonly text: string; readonly version: string } | undefined>;
  /**
   * Writes an object.
   *
   * @param over the version that it replaces; undefined: there must be none
   * @returns false when another one is there meanwhile
   */
  write(place: ObjectPlace, text: string, over: string | undefined): Promise<boolean>;
}

/** @throws Error when a member of the event names no object as it must */
export function checkPlaces({ Chunk, Content, Flag, Result }: ChunkSendEvent): void {
  const isPlace = (place: unknown) => isJsonObject(place) && typeof place.Bucket === 'string' && typeof place.Key === 'string';
  if (!isPlace(Chunk)) {
    throw new Error('`Chunk` must name the object of recipients as {"Bucket","Key"}; write where it is');
  }
  for (const [name, place] of Object.entries({ Content, Flag, Result })) {
    if (place !== undefined && !isPlace(place)) {
      throw new Error(`\`${name}\` must name an object as {"Bucket","Key"}, got ${JSON.stringify(place).slice(0, 200)}; write where it is, or leave the member out`);
    }
  }
}

/** What tells a chunk from its run's others. An overwritten chunk is another one. */
export function chunkId({ Bucket, Key, VersionId }: ChunkSendEvent['Chunk']): string {
  return sha256(JSON.stringify([Bucket, Key, ...VersionId === undefined ? [] : [VersionId]])).slice(0, 32);
}

/**
 * People of a chunk, in its order.
 *
 * @param atMost so many of the first
 * @throws Error that names the line which is no person, or has the id of another
 */
export function readChunk(text: string, key: string, atMost: number = Infinity): (readonly [string, unknown])[] {
  const ids = new Set<string>();
  const people: (readonly [string, unknown])[] = [];
  let number = 0;
  for (let start = 0; start < text.length && people.length < atMost;) {
    const end = text.indexOf('\n', start);
    const line = text.slice(start, end < 0 ? text.length : end);
    start = end < 0 ? text.length : end + 1;
    if (line.trim() === '') {
      continue;
    }
    number++;
    let parsed: unknown;
    try {
      parsed = JSON.parse(line);
    } catch {
      // Said below.
    }
    if (!isJsonObject(parsed) || typeof parsed.id !== 'string') {
      throw new Error(`line ${number} of chunk ${JSON.stringify(key)} must be {"id","endpoint"} as JSON; write the chunk again`);
    }
    if (ids.size === ids.add(parsed.id).size) {
      throw new Error(`line ${number} of chunk ${JSON.stringify(key)} has an id that another line has; write each endpoint once`);
    }
    people.push([parsed.id, parsed.endpoint]);
  }
  return people;
}
