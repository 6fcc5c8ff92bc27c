/**
 * The arrows between the layers, as ESLint overrides (docs/architecture.md says what each layer is for).
 *
 * Each layer lists what it may import; everything else is refused, so that a new dependency is a decision made here.
 * Specifiers are matched as they are written, relative paths included: layers that name others by depth
 * (`../../contract/…`) therefore keep the depth of their files.
 */

/** A folder of the repository and the import specifiers that its files may use. */
export interface Layer {
  readonly name: string;
  /** Globs of its files, from the repository's root. */
  readonly files: string[];
  readonly excludedFiles?: string[];
  /** Regular expressions, each for a whole specifier. */
  readonly allowed: string[];
  /** Ends the sentence "… may import". */
  readonly says: string;
}

/** An entry of `overrides` in ESLint's configuration; the shape of projen's `ESLint.addOverride`. */
export interface LayerOverride {
  readonly files: string[];
  readonly excludedFiles?: string[];
  readonly rules: { [rule: string]: any };
}

/** One part of a path: never `.` or `..`. */
const NAME = '\\w[\\w.-]*';
/** Node built-ins. Listed here and not asked of Node, because the generated configuration must not depend on its version. */
const PURE_NODE = '(?:node:)?(?:buffer|crypto|querystring|string_decoder|url|util|zlib)';
const NODE = '(?:node:[\\w/]+|assert|child_process|events|fs|fs/promises|http|https|net|os|path|stream|timers/promises|tls)';
const CDK = ['aws-cdk-lib(?:/(?!aws-lambda-nodejs$)[\\w-]+)?', 'constructs'];
const AWS_SDK = ['@aws-sdk/.+', '@smithy/.+'];

/** Packages without I/O, clock or state that decisions may use. None is needed so far. */
const PURE_LIBRARIES: string[] = [];

export const LAYERS: Layer[] = [
  {
    name: 'contract',
    files: ['src/contract/**/*.ts'],
    allowed: [`\\./${NAME}`],
    says: 'nothing but contract: it is the bridge between constructs and handlers',
  },
  {
    name: 'domain',
    files: ['src/domain/**/*.ts'],
    allowed: [PURE_NODE, ...PURE_LIBRARIES, `\\./${NAME}`, `\\.\\./${NAME}/${NAME}`, `\\.\\./\\.\\./contract/${NAME}`],
    says: 'domain, contract, Node built-ins without I/O and the pure libraries listed in projenrc/layer-rules.ts; clients come in as parameters',
  },
  {
    // At this depth `../line/…` would be a construct.
    name: 'domain without an area',
    files: ['src/domain/*.ts'],
    allowed: [],
    says: 'nothing: domain files live in src/domain/<area>/',
  },
  {
    name: 'runtime',
    files: ['src/runtime/**/*.ts'],
    allowed: [
      NODE, PURE_NODE, ...PURE_LIBRARIES, ...AWS_SDK, '@line/bot-sdk', 'aws-lambda', 'papaparse',
      `\\./${NAME}`, `\\.\\./contract/${NAME}`, `\\.\\./domain/${NAME}/${NAME}`,
    ],
    says: 'runtime, domain, contract, the AWS SDK, the LINE SDK and the CSV parser; it runs inside Lambda, where there is no CDK',
  },
  {
    name: 'entries',
    files: ['src/**/*.lambda.ts'],
    allowed: [
      NODE, PURE_NODE, ...AWS_SDK, 'aws-lambda',
      `\\.\\./\\.\\./(?:contract|runtime|domain/${NAME})/(?!.*\\.lambda$)${NAME}`,
      // Sample media, which esbuild puts into the bundle.
      '\\.[\\w./-]*\\.(?:png|m4a|mp4)',
    ],
    says: 'runtime, domain, contract and AWS SDK clients; neither CDK, nor constructs, nor another entry',
  },
  {
    name: 'constructs',
    files: ['src/**/*.ts'],
    excludedFiles: ['src/contract/**', 'src/domain/**', 'src/runtime/**', 'src/**/*.lambda.ts'],
    allowed: [NODE, PURE_NODE, ...CDK, '\\.(?!.*(?:/domain/|/runtime/|\\.lambda$)).*'],
    says: 'aws-cdk-lib (without its bundler), constructs, contract, other constructs and generated *-function files; a business rule belongs into domain, where a handler runs it',
  },
  {
    name: 'simulator',
    files: ['simulator/**/*.ts'],
    allowed: ['(?!(?:cdk-line-pinpoint|aws-cdk-lib|constructs)(?:/|$))(?!.*/src(?:$|/(?!contract/))).*'],
    says: "anything but the library's own code (contract excepted) and CDK: a stand-in that shares the sender's reading of LINE's rules would certify its mistakes",
  },
  {
    name: 'examples',
    files: ['examples/**/*.ts'],
    allowed: [NODE, PURE_NODE, ...CDK, 'cdk-line-pinpoint', `\\./(?:${NAME}/)*${NAME}`],
    says: "the package by its name, CDK and their own files, as in a consumer's project",
  },
];

/** What `.projenrc.ts` hands to `project.eslint.addOverride`, in this order. */
export const LAYER_RULES: LayerOverride[] = LAYERS.map(({ name, files, excludedFiles, allowed, says }) => {
  const refused = `^(?!(?:${allowed.join('|')})$)`;
  const message = `${name} may import ${says}.`;
  // A slash ends a regular expression in an ESLint selector.
  const value = `value=/${refused.replace(/\//g, '\\x2F')}/`;
  return {
    files,
    ...(excludedFiles && { excludedFiles }),
    rules: {
      // import and export … from, types included
      'no-restricted-imports': ['error', { patterns: [{ regex: refused, caseSensitive: true, message }] }],
      // import('…'), computed ones too, and import('…').Type; require is refused everywhere by its own rule
      'no-restricted-syntax': ['error',
        { selector: `ImportExpression > Literal.source[${value}]`, message },
        { selector: 'ImportExpression > .source:not(Literal)', message: `Import by a literal name, so that it can be checked: ${message}` },
        { selector: `TSImportType Literal[${value}]`, message }],
    },
  };
});
