import { Token } from 'aws-cdk-lib';
import { IConstruct } from 'constructs';

/**
 * Throws an error that says where in the construct tree it happened.
 *
 * @param message the prop, the value received, what is allowed, and the fix
 */
export function fail(scope: IConstruct, message: string): never {
  throw new Error(`${scope.node.path || '<app>'}: ${message}`);
}

/** Checks a string that is known at synth; a token is resolved only at deployment and passes. */
export function checkPattern(scope: IConstruct, prop: string, value: string | undefined, pattern: RegExp, allowed: string): void {
  if (value !== undefined && !Token.isUnresolved(value) && !pattern.test(value)) {
    fail(scope, `\`${prop}\` must be ${allowed}, got '${value}'`);
  }
}

/** Checks that a number known at synth is an integer in a range. */
export function checkInteger(scope: IConstruct, prop: string, value: number | undefined, min: number, max: number): void {
  if (value !== undefined && !Token.isUnresolved(value) && (!Number.isInteger(value) || value < min || value > max)) {
    fail(scope, `\`${prop}\` must be a whole number from ${min} to ${max}, got ${value}`);
  }
}

/**
 * Checks the base URL of a stand-in or an egress proxy: `https://host[:port]`, or `http:` to a loopback address.
 * LINE's paths are absolute, so a path in the base URL could not be kept.
 */
export function checkBaseUrl(scope: IConstruct, prop: string, value: string | undefined): void {
  if (value === undefined || Token.isUnresolved(value)) {
    return;
  }
  let url: URL;
  try {
    url = new URL(value);
  } catch {
    fail(scope, `\`${prop}\` must be a URL such as 'https://proxy.example.com', got '${value}'`);
  }
  const loopback = url.hostname === 'localhost' || url.hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(url.hostname);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && loopback)) {
    fail(scope, `\`${prop}\` must begin with https:// (http:// is allowed to a loopback address only, because the request carries the access token), got '${value}'`);
  }
  if ((url.pathname !== '/' && url.pathname !== '') || url.search || url.hash || url.username) {
    fail(scope, `\`${prop}\` must be scheme, host and port only, without path, query or user, got '${value}'`);
  }
}
