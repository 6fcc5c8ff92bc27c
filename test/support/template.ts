import { App, Stack, StackProps } from 'aws-cdk-lib';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import * as cxapi from 'aws-cdk-lib/cx-api';
import { Construct } from 'constructs';

/** A resource of a template. */
export interface TemplateResource {
  readonly Type: string;
  readonly Properties: Record<string, any>;
  readonly DeletionPolicy?: string;
  readonly UpdateReplacePolicy?: string;
  readonly DependsOn?: string[];
}

export type TemplateResources = Record<string, TemplateResource>;

/** Feature flags as `cdk init` sets them in a new project. */
export const RECOMMENDED_FLAGS: Record<string, any> = Object.fromEntries(
  Object.entries(cxapi.FLAGS)
    .filter(([name]) => !cxapi.CURRENT_VERSION_EXPIRED_FLAGS.includes(name) && name !== '@aws-cdk/core:enableStackNameDuplicates')
    .map(([name, { recommendedValue }]) => [name, recommendedValue]),
);

/** An app that does not copy bundles, since nobody deploys it. */
export function testApp(context: Record<string, any> = {}): App {
  return new App({ context: { [cxapi.DISABLE_ASSET_STAGING_CONTEXT]: true, ...context }, analyticsReporting: false });
}

/** A stack in an app of its own. */
export function testStack(props?: StackProps, context?: Record<string, any>): Stack {
  return new Stack(testApp(context), 'Stack', props);
}

/** The template of a stack that holds what `build` makes. */
export function templateOf(build: (stack: Stack) => void, props?: StackProps, context?: Record<string, any>): Template {
  const stack = testStack(props, context);
  build(stack);
  return Template.fromStack(stack);
}

/** Resources by logical id, of one type or of all. */
export function resources(template: Template, type?: string): TemplateResources {
  const all: TemplateResources = template.toJSON().Resources ?? {};
  return type === undefined ? all : template.findResources(type) as TemplateResources;
}

/** Every resource with hashes of bundles replaced, since they differ whenever a handler does. */
export function redacted(template: Template): TemplateResources {
  return JSON.parse(JSON.stringify(resources(template)).replace(/[0-9a-f]{64}(?=\.zip)/g, '<hash>'));
}

/** Logical ids, the hash of an API's deployment replaced, since it differs whenever the API does. */
export function logicalIds(template: Template): string[] {
  return Object.keys(resources(template)).map((id) => id.replace(/(Deployment[0-9A-F]{8})[0-9a-f]{32}$/, '$1<hash>')).sort();
}

/** The one resource of a type whose logical id is this and a hash, or else begins so. */
export function only(template: Template, type: string, idPrefix: string): TemplateResource {
  const all = Object.entries(resources(template, type));
  const exact = all.filter(([id]) => id.startsWith(idPrefix) && /^[0-9A-F]{8}$/.test(id.slice(idPrefix.length)));
  const found = exact.length === 1 ? exact : all.filter(([id]) => id.startsWith(idPrefix));
  if (found.length !== 1) {
    throw new Error(`${found.length} resources of type ${type} begin with ${idPrefix}: ${found.map(([id]) => id).join(', ')}`);
  }
  return found[0][1];
}

/** Environment of the function whose logical id begins so. */
export function environmentOf(template: Template, idPrefix: string): Record<string, any> {
  return only(template, 'AWS::Lambda::Function', idPrefix).Properties.Environment.Variables;
}

/** A statement of a policy, everything rendered so that tests read like the template's YAML. */
export interface Statement {
  readonly actions: string[];
  readonly resources: string[];
  readonly conditions?: any;
}

/** Identity policy of the role whose logical id begins so, in the order of the template. */
export function statementsOf(template: Template, rolePrefix: string): Statement[] {
  return Object.entries(resources(template, 'AWS::IAM::Policy'))
    .filter(([id]) => id.startsWith(rolePrefix))
    .flatMap(([, { Properties }]) => Properties.PolicyDocument.Statement)
    .map(({ Action, Resource, Condition }) => ({
      actions: list(Action),
      resources: list(Resource).map(rendered),
      ...(Condition && { conditions: Condition }),
    }));
}

/** A value of a template as one string: `<Ref>`, `<LogicalId.Attribute>`. */
export function rendered(value: any): string {
  if (typeof value !== 'object') {
    return String(value);
  }
  if ('Ref' in value) {
    return `<${value.Ref}>`;
  }
  if ('Fn::GetAtt' in value) {
    return `<${value['Fn::GetAtt'].join('.')}>`;
  }
  if ('Fn::Join' in value) {
    const [separator, parts] = value['Fn::Join'];
    return parts.map(rendered).join(separator);
  }
  return JSON.stringify(value);
}

/** Warnings and errors of a stack, `[ack: …]` included. */
export function annotations(stack: Stack, level: 'Warning' | 'Error', path = '*'): string[] {
  const found = level === 'Warning' ? Annotations.fromStack(stack).findWarning(path, Match.anyValue()) : Annotations.fromStack(stack).findError(path, Match.anyValue());
  return found.map(({ entry }) => String(entry.data));
}

/** Message of the error that `build` throws. */
export function messageOf(build: (stack: Stack) => Construct | void): string {
  const stack = testStack();
  try {
    build(stack);
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('nothing was thrown');
}

function list<T>(value: T | T[]): T[] {
  return Array.isArray(value) ? value : [value];
}
