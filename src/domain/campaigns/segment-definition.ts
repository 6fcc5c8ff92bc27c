import { SourceError } from './source-error';
import { Segment, checkSegment } from '../../contract/segments';

/**
 * Reads the definition of a segment: what Amazon Pinpoint's `GetSegment` answers, its `SegmentResponse`, the request of `CreateSegment`,
 * or `Dimensions` or `SegmentGroups`, as they are or alone.
 *
 * @param path of the definition, which the errors' paths begin with
 * @throws SourceError with every problem (20 at most), each with its JSON path
 */
export function readSegment(json: unknown, path: string): Segment {
  const { segment, problems } = checkSegment(json, path);
  if (!segment) {
    throw new SourceError(problems);
  }
  return segment;
}
