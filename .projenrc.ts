import { awscdk, javascript } from 'projen';
import { NpmAccess } from 'projen/lib/javascript';
import { LAYER_RULES } from './projenrc/layer-rules';

/** The import name in every language's package and in `examples/`. */
const NAME = 'cdk-line-pinpoint';

/**
 * Lambda runs Node.js 24; the bundles are compiled for Node 20 so that the same bytes also run in the local stage on
 * every Node that this project supports. Nothing is external: a consumer's function holds all it needs.
 */
const RUNTIME = new awscdk.LambdaRuntime('nodejs24.x', 'node20', { defaultExternals: [] });

/** How handlers are bundled when the library is built; see docs/decisions for what each option is worth. */
const BUNDLING: Partial<javascript.AddBundleOptions> = {
  minify: true,
  // ES modules first: lets esbuild drop the parts of the AWS SDK that a handler never calls.
  mainFields: ['module', 'main'],
  // Read by projenrc/third-party-notices.ts, which also removes it from the asset.
  metafile: true,
  esbuildArgs: {
    // Lambda hands a function its credentials in the environment; the SDK's search chain is dead weight there.
    '--alias:@aws-sdk/credential-provider-node': './src/runtime/environment-credentials.ts',
    '--legal-comments': 'none',
  },
};

const project = new awscdk.AwsCdkConstructLibrary({
  name: NAME,
  description: 'AWS CDK constructs that wire a LINE Official Account to Amazon Pinpoint, or to a subscriber table of its own',
  author: 'cdk-line-pinpoint maintainers',
  authorAddress: 'https://github.com/cdk-line-pinpoint',
  authorOrganization: true,
  repositoryUrl: 'https://github.com/cdk-line-pinpoint/cdk-line-pinpoint.git',
  license: 'Apache-2.0',
  copyrightOwner: 'cdk-line-pinpoint maintainers',
  stability: 'experimental',
  keywords: ['aws', 'cdk', 'cdk-construct', 'line', 'line-messaging-api', 'pinpoint', 'marketing', 'campaign'],
  defaultReleaseBranch: 'main',
  projenrcTs: true,
  packageManager: javascript.NodePackageManager.NPM,
  npmAccess: NpmAccess.PUBLIC,
  sampleCode: false,

  // Versions. cdkVersion is the newest below 2.257 whose Go module can be downloaded and verified everywhere; it is
  // also the lowest that the library promises to work with, so compiling against it proves the promise.
  projenVersion: '0.103.25',
  cdkVersion: '2.250.0',
  constructsVersion: '10.5.1',
  jsiiVersion: '~6.0.0',
  typescriptVersion: '~6.0.0',
  minNodeVersion: '20.16.0',
  workflowNodeVersion: '24',
  bumpPackage: 'commit-and-tag-version@^12',

  // Languages
  publishToPypi: { distName: NAME, module: 'cdk_line_pinpoint' },
  publishToMaven: {
    javaPackage: 'io.github.cdklinepinpoint',
    mavenGroupId: 'io.github.cdk-line-pinpoint',
    mavenArtifactId: NAME,
    mavenServerId: 'central-ossrh',
  },
  publishToNuget: { dotNetNamespace: 'CdkLinePinpoint', packageId: 'CdkLinePinpoint' },
  publishToGo: { moduleName: 'github.com/cdk-line-pinpoint/cdk-line-pinpoint-go' },

  // TypeScript: only constructs and contract are compiled by jsii; everything that runs inside Lambda is bundled.
  tsconfigDevFile: 'tsconfig.dev.json',
  tsconfigDev: {
    include: ['.projenrc.ts', 'simulator/**/*.ts', 'examples/**/*.ts'],
    exclude: ['lib', 'dist', 'cdk.out', 'coverage'],
    compilerOptions: {
      // Consumers' name for the package, so that the examples read like a consumer's app.
      paths: { [NAME]: ['./src'] },
      ignoreDeprecations: '6.0',
    },
  },
  excludeTypescript: ['src/**/*.lambda.ts', 'src/runtime/**', 'src/domain/**'],
  eslintOptions: { dirs: ['src'], devdirs: ['test', 'simulator', 'examples'], projectService: false, tsconfigPath: './tsconfig.dev.json' },
  typecheckTests: true,

  jestOptions: {
    updateSnapshot: javascript.UpdateSnapshot.NEVER,
    jestConfig: {
      // Asked for by `npx jest --coverage`: it takes longer than the tests.
      collectCoverage: false,
      moduleNameMapper: {
        [`^${NAME}$`]: '<rootDir>/src',
        '\\.(png|jpg|m4a|mp3|mp4)$': '<rootDir>/test/support/binary-file.ts',
      },
      testPathIgnorePatterns: ['/node_modules/', '<rootDir>/test/bench/'],
      coveragePathIgnorePatterns: ['/node_modules/', '-function.ts$', '<rootDir>/simulator/', '<rootDir>/test/', '<rootDir>/examples/'],
      setupFiles: ['<rootDir>/test/support/fast-check-seed.ts'],
      testTimeout: 120_000,
    },
  },

  lambdaOptions: {
    runtime: RUNTIME,
    awsSdkConnectionReuse: false,
    bundlingOptions: BUNDLING,
  },
  bundlerOptions: { esbuildVersion: '~0.28.0', loaders: { png: 'binary', m4a: 'binary', mp4: 'binary' } },

  devDeps: [
    '@types/aws-lambda',
    '@types/node@^20',
    '@line/bot-sdk@^11.2.0',
    '@aws-sdk/client-dynamodb',
    '@aws-sdk/client-eventbridge',
    '@aws-sdk/client-firehose',
    '@aws-sdk/client-pinpoint',
    '@aws-sdk/client-s3',
    '@aws-sdk/client-scheduler',
    '@aws-sdk/client-sfn',
    '@aws-sdk/client-sns',
    '@aws-sdk/client-secrets-manager',
    '@aws-sdk/client-sqs',
    '@aws-sdk/client-lambda',
    '@aws-sdk/client-sts',
    '@aws-sdk/client-cloudformation',
    '@aws-sdk/client-cloudfront',
    '@aws-sdk/s3-request-presigner',
    '@aws-sdk/core',
    '@smithy/core',
    '@smithy/node-http-handler',
    '@smithy/signature-v4',
    '@types/papaparse',
    'aws-sdk-client-mock',
    'cdk-nag@^2.38',
    'aws-cdk@^2.1148.1',
    'fast-check',
    'papaparse',
    'tsconfig-paths',
  ],

  githubOptions: { mergify: false },
  depsUpgrade: false,
  release: true,
  gitignore: ['.jsii.tabl.json', '.jsii.tabl.json.gz', '.cache/', 'cdk.out', '*.tsbuildinfo', '.DS_Store'],
});

// What the Go module of CDK 2.250.0 itself requires, and a resolver whose lock file installs on every platform.
project.package.addPackageResolutions(
  'unrs-resolver@1.12.2',
  '@aws-cdk/cloud-assembly-schema@53.0.0',
  '@aws-cdk/asset-node-proxy-agent-v6@2.1.1',
);

// What belongs to the repository only. Compiled handlers ship inside their bundles, not beside them.
for (const path of ['/rosetta/', '/examples/', '/docs/', '/simulator/', '/.ci/', '/CONTRIBUTING.md', '/.cache/', '/cdk.out/', '.jsii.tabl.json', '.jsii.tabl.json.gz']) {
  project.npmignore?.addPatterns(path);
}

// jsii's tools and the AWS SDK remark on every run that Node 20 has ended; the project still promises to build on it.
project.tasks.addEnvironment('JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION', '20');
project.tasks.addEnvironment('AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED', 'true');

// Source maps inside the compiled files are twice as large as the files, and the package has no sources to go with them.
for (const option of ['inlineSourceMap', 'inlineSources']) {
  project.tsconfig?.file.addOverride(`compilerOptions.${option}`, false);
}

// Layers: who may import what is a lint rule.
for (const override of LAYER_RULES) {
  project.eslint?.addOverride(override);
}
project.eslint?.allowDevDeps('src/runtime/**');

// Bundles: list what third-party code they hold.
const { bundleTask } = bundlerOf(project);
bundleTask.exec('ts-node --transpile-only --project projenrc/tsconfig.json projenrc/third-party-notices.ts', { name: 'third-party-notices' });

// Constructs are loaded when they are first used.
project.compileTask.exec('ts-node --transpile-only --project projenrc/tsconfig.json projenrc/lazy-exports.ts', { name: 'lazy-exports' });

// README snippets are compiled, and so is every @example.
const docsCheck = project.addTask('docs:check', {
  description: 'Compile the snippets of README and docstrings',
  exec: 'mkdir -p .cache && jsii-rosetta extract --strict --compile --cache .cache/rosetta.tabl.json .jsii',
});
project.postCompileTask.spawn(docsCheck);

// Types are checked once, before the tests run; checking them again file by file would take as long as the tests.
project.jest!.config.transform = { '^.+\\.tsx?$': ['ts-jest', { tsconfig: 'tsconfig.dev.json', transpilation: true }] };

// A fresh clone has neither bundles nor an assembly.
project.testTask.prependSpawn(project.compileTask);
project.testTask.prependSpawn(bundleTask);

const TS_NODE = 'node -r ts-node/register/transpile-only -r tsconfig-paths/register';
for (const [name, description, entry] of [
  ['demo', 'Deploy the sample to a local AWS emulator and run campaigns against a LINE stand-in', 'simulator/demo.ts'],
  ['bench', 'Measure the figures of docs/benchmarks.md', 'test/bench/run.ts'],
]) {
  const task = project.addTask(name, { description, env: { TS_NODE_PROJECT: 'tsconfig.dev.json' } });
  task.spawn(bundleTask);
  if (name === 'bench') {
    // The synth benchmark runs what ships.
    task.spawn(project.compileTask);
  }
  task.exec(`${TS_NODE} ${entry}`, { receiveArgs: true });
}

project.synth();

/** The bundler is a component of the project that has no property of its own. */
function bundlerOf(owner: awscdk.AwsCdkConstructLibrary): javascript.Bundler {
  const bundler = javascript.Bundler.of(owner);
  if (!bundler) {
    throw new Error('the project has no bundler');
  }
  return bundler;
}
