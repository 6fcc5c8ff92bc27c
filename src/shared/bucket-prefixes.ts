import { Token } from 'aws-cdk-lib';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { IConstruct } from 'constructs';
import { fail } from './validation';

interface TakenPrefix {
  readonly prefix: string;
  readonly owner: string;
}

/** Whose objects lie where in each of the app's buckets. */
const TAKEN = new WeakMap<s3.IBucket, readonly TakenPrefix[]>();

/**
 * Takes the objects below prefixes for a construct. A file that two constructs begin with is imported, or sent, twice.
 *
 * @param fix what to do when another construct has them
 * @throws when one of the prefixes begins with one that is taken, or the other way round
 */
export function takePrefixes(scope: IConstruct, bucket: s3.IBucket, prefixes: readonly string[], fix: string): void {
  const taken = TAKEN.get(bucket) ?? [];
  const known = prefixes.filter((prefix) => !Token.isUnresolved(prefix));
  for (const prefix of known) {
    const other = taken.find((each) => each.prefix.startsWith(prefix) || prefix.startsWith(each.prefix));
    if (other) {
      fail(scope, `\`bucket\` must be one in which nothing else handles objects below '${prefix}', and ${other.owner} handles those below '${other.prefix}': ${fix}`);
    }
  }
  TAKEN.set(bucket, [...taken, ...known.map((prefix) => ({ prefix, owner: scope.node.path }))]);
}
