/**
 * Rules for the public API, over the assembly that jsii writes (`.jsii`). jsii itself accepts all of what they refuse, and
 * gives users of other languages a worse API: a union or a generic becomes `Object`, a name that differs by case collides.
 * Each rule returns one line for every place that breaks it.
 */

/** The parts of a jsii assembly that are read here. Source: aws/jsii, `@jsii/spec`, `assembly.ts`. */
export interface Assembly {
  readonly types: Record<string, ApiType>;
}

interface Documented {
  readonly name: string;
  readonly docs?: { readonly summary?: string; readonly default?: string };
}

interface Value extends Documented {
  readonly type: TypeReference;
  readonly optional?: boolean;
  readonly overrides?: string;
}

interface Method extends Documented {
  readonly parameters?: Value[];
  readonly returns?: { readonly type: TypeReference };
  readonly overrides?: string;
}

export interface ApiType extends Documented {
  readonly fqn: string;
  readonly kind: 'class' | 'interface' | 'enum';
  readonly base?: string;
  readonly interfaces?: string[];
  readonly abstract?: boolean;
  /** A struct: an interface of data only. */
  readonly datatype?: boolean;
  readonly initializer?: { readonly parameters?: Value[] };
  readonly properties?: Value[];
  readonly methods?: Method[];
  readonly members?: Documented[];
}

interface TypeReference {
  readonly primitive?: string;
  readonly fqn?: string;
  readonly collection?: { readonly kind: string; readonly elementtype: TypeReference };
  readonly union?: object;
  readonly intersection?: object;
}

export type ApiRule = (assembly: Assembly) => string[];

/** A place where a type is written, with a name for messages. */
interface Place {
  readonly name: string;
  readonly at: string;
  readonly type: TypeReference;
}

function places({ types }: Assembly): Place[] {
  return Object.values(types).flatMap((type) => [
    ...(type.initializer?.parameters ?? []).map((value) => ({ name: value.name, at: `new ${type.name}(${value.name})`, type: value.type })),
    ...(type.properties ?? []).map((value) => ({ name: value.name, at: `${type.name}.${value.name}`, type: value.type })),
    ...(type.methods ?? []).flatMap((method) => [
      ...(method.parameters ?? []).map((value) => ({ name: value.name, at: `${type.name}.${method.name}(${value.name})`, type: value.type })),
      ...(method.returns ? [{ name: method.name, at: `${type.name}.${method.name}() returns`, type: method.returns.type }] : []),
    ]),
  ]);
}

/** The type itself, or what a list or map of it holds. */
function innermost(type: TypeReference): TypeReference {
  return type.collection ? innermost(type.collection.elementtype) : type;
}

/** No unions: they are untyped outside TypeScript. A class with static factories takes their place. */
export const noUnions: ApiRule = (assembly) => places(assembly)
  .filter(({ type }) => innermost(type).union || innermost(type).intersection)
  .map(({ at }) => `${at} is a union or an intersection`);

/** No `any`, which is also what jsii makes of generics; no `json`, which is `any` in other languages. Function types do not compile at all. */
export const noUntyped: ApiRule = (assembly) => places(assembly)
  .filter(({ type }) => ['any', 'json'].includes(innermost(type).primitive ?? ''))
  .map(({ at, type }) => `${at} is ${innermost(type).primitive}`);

/** A summary on every type and member; overriding members inherit theirs, and constructors are described by their class. */
export const summaries: ApiRule = ({ types }) => Object.values(types).flatMap((type) => [
  { ...type, overrides: undefined, at: type.name },
  ...[...type.properties ?? [], ...type.methods ?? []].map((member) => ({ ...member, at: `${type.name}.${member.name}` })),
  ...(type.members ?? []).map((member) => ({ ...member, overrides: undefined, at: `${type.name}.${member.name}` })),
])
  .filter(({ docs, overrides }) => !docs?.summary && !overrides)
  .map(({ at }) => `${at} has no docstring`);

/** `@default` on every optional member of a struct. */
export const defaults: ApiRule = ({ types }) => Object.values(types)
  .filter(({ datatype }) => datatype)
  .flatMap(({ name, properties }) => (properties ?? [])
    .filter(({ optional, docs }) => optional && !docs?.default)
    .map((property) => `${name}.${property.name} has no @default`));

/** Every construct is made by (scope, id, props), props being `<Construct>Props`, and optional when all its members are. */
export const constructProps: ApiRule = ({ types }) => Object.values(types)
  .filter(({ kind, abstract }) => kind === 'class' && !abstract)
  .flatMap((type) => {
    const parameters = initializer(types, type)?.parameters ?? [];
    if (parameters[0]?.type.fqn !== 'constructs.Construct') {
      return [];
    }
    const [, id, props] = parameters;
    const propsName = `${type.fqn}Props`;
    const required = structMembers(types, propsName).some(({ optional }) => !optional);
    return [
      ...(parameters.map(({ name }) => name).join() === 'scope,id,props' && id.type.primitive === 'string' ? [] : [`${type.name} is not made by (scope, id, props)`]),
      ...(props?.type.fqn === propsName ? [] : [`${type.name} does not take ${type.name}Props`]),
      ...(props && props.optional !== true && !required ? [`${type.name} demands props although every member is optional`] : []),
    ];
  });

function initializer(types: Assembly['types'], type: ApiType | undefined): ApiType['initializer'] {
  return type && (type.initializer ?? initializer(types, types[type.base ?? '']));
}

function structMembers(types: Assembly['types'], fqn: string): Value[] {
  const type = types[fqn];
  return type ? [...type.properties ?? [], ...(type.interfaces ?? []).flatMap((parent) => structMembers(types, parent))] : [];
}

/** No two names that differ in case or underscores only, and no member named as its type: other languages cannot tell them apart. */
export const distinctNames: ApiRule = ({ types }) => [
  ...collisions('the package', Object.values(types)),
  ...Object.values(types).flatMap((type) => [
    ...collisions(type.name, [...type.properties ?? [], ...type.methods ?? [], ...type.members ?? []]),
    ...[...type.properties ?? [], ...type.methods ?? []].filter(({ name }) => plain(name) === plain(type.name)).map(({ name }) => `${type.name}.${name} is named as its type`),
  ]),
];

function plain(name: string): string {
  return name.toLowerCase().replace(/_/g, '');
}

function collisions(where: string, named: Documented[]): string[] {
  const seen = new Map<string, string>();
  return named.flatMap(({ name }) => {
    const other = seen.get(plain(name));
    seen.set(plain(name), name);
    return other === undefined ? [] : [`${where}: ${other} and ${name} differ by case only`];
  });
}

/**
 * Nothing called token, secret or password is a string: it would end in plain text in a template.
 *
 * @param except places, as the rule names them, that hold no secret
 */
export function secretsAreNoStrings(except: string[]): ApiRule {
  return (assembly) => places(assembly)
    .filter(({ name, type, at }) => /token|secret|password/i.test(name) && innermost(type).primitive === 'string' && !except.includes(at))
    .map(({ at }) => `${at} is a string`);
}

/** The simple names of all exported types. */
export function exportedNames({ types }: Assembly): string[] {
  return Object.values(types).map(({ name }) => name).sort();
}
