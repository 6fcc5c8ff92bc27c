import { Names, Stack } from 'aws-cdk-lib';
import { Construct } from 'constructs';

/**
 * A name for what CloudFormation does not name by itself. It is made of the stack's name and the path inside the stack,
 * so that neither a second channel nor the same app under another stack name (a stage, say) collides with it. CDK's own
 * default names know the construct's path only.
 *
 * @param maxLength what the service allows
 */
export function uniqueName(scope: Construct, maxLength: number): string {
  return Names.uniqueResourceName(scope, { maxLength, separator: '-' });
}

/** The same for services whose names are one list for all regions: at most 64 characters, the region's among them. */
export function globalName(scope: Construct): string {
  return `${uniqueName(scope, 48)}-${Stack.of(scope).region}`;
}
