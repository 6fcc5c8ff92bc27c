import * as path from 'path';
import { LegacyESLint } from 'eslint/use-at-your-own-risk';

/**
 * Proves on the repository's own ESLint configuration that each layer refuses what it must not import.
 * The rules: projenrc/layer-rules.ts; the reasons: docs/architecture.md.
 */

interface Imports {
  /** A file of the layer; it need not exist. */
  readonly file: string;
  readonly refused: string[];
  readonly allowed: string[];
}

const CDK = ['aws-cdk-lib', 'aws-cdk-lib/aws-sqs', 'constructs'];
const SDKS = ['@aws-sdk/client-sqs', '@line/bot-sdk'];

const LAYERS: Imports[] = [
  {
    file: 'src/contract/new-names.ts',
    refused: [...CDK, ...SDKS, 'fs', 'node:crypto', '..', '../index', '../line/line-channel', '../domain/line/line-api', '../runtime/environment', './../runtime/environment'],
    allowed: ['./limits'],
  },
  {
    file: 'src/domain/line/new-decision.ts',
    refused: [
      ...CDK, ...SDKS, 'fs', 'node:fs', 'https', 'child_process', 'left-pad', 'aws-lambda', '../../index', '../..', '../../runtime/environment',
      '../../line/line-channel', '../../shared/queue', '../../line/handlers/sender.lambda', '../../../simulator/line-platform',
    ],
    allowed: ['crypto', 'node:crypto', 'node:url', './line-api', '../shared/telemetry', '../../contract/limits'],
  },
  {
    file: 'src/domain/decision-without-an-area.ts',
    refused: ['../line/line-channel', './line/line-api', '../contract/limits', 'crypto'],
    allowed: [],
  },
  {
    file: 'src/runtime/new-adapter.ts',
    refused: [
      ...CDK, 'left-pad', '../index', '..', '../line/line-channel', '../audience/subscriber-table', '../shared/queue',
      '../line/handlers/sender.lambda', '../../simulator/line-platform',
    ],
    allowed: [...SDKS, 'fs', 'node:crypto', 'aws-lambda', './environment', '../contract/limits', '../domain/line/line-api'],
  },
  {
    file: 'src/line/handlers/new-entry.lambda.ts',
    refused: [
      ...CDK, '@line/bot-sdk', 'left-pad', './sender.lambda', '../../audience/handlers/publish-subscriber-changes.lambda',
      './sender-function', '../line-channel', '..', '../../index', '../../shared/queue', '../../audience/subscriber-table',
    ],
    allowed: [
      '@aws-sdk/client-sqs', 'aws-lambda', 'crypto', '../../contract/environment', '../../runtime/environment', '../../domain/line/line-api', './sample/image.png',
    ],
  },
  {
    file: 'src/line/new-construct.ts',
    refused: [
      ...SDKS, 'aws-lambda', 'esbuild', 'aws-cdk-lib/aws-lambda-nodejs', './handlers/sender.lambda', '../domain/line/line-api', '../runtime/environment',
      './../runtime/environment', '../../src/domain/line/line-api',
    ],
    allowed: [...CDK, 'path', 'node:fs', './line-message-type', './private/names', '../contract/limits', '../shared/queue', '../audience/subscriber-table', './handlers/sender-function'],
  },
  {
    file: 'src/line/handlers/new-function.ts',
    refused: [...SDKS, './new.lambda', '../../runtime/environment'],
    allowed: CDK,
  },
  {
    file: 'src/index.ts',
    refused: [...SDKS, './domain/line/line-api', './runtime/environment', './line/handlers/sender.lambda'],
    allowed: ['./line/line-channel', './audience/audience'],
  },
  {
    file: 'simulator/new-stand-in.ts',
    refused: [...CDK, 'cdk-line-pinpoint', '../src', '../src/index', '../src/domain/line/line-api', '../src/runtime/environment', '../src/line/line-channel'],
    allowed: ['http', 'node:crypto', '@aws-sdk/client-sts', './line-platform', '../src/contract/media'],
  },
  {
    file: 'simulator/stage/new-part.ts',
    refused: ['../../src/domain/line/line-api', '../../src/runtime/environment', '../../src/line/line-channel', '../../src/index'],
    allowed: ['../line-platform', '../../src/contract/media'],
  },
  {
    file: 'examples/new/app.ts',
    refused: [...SDKS, '../../src', '../../src/index', '../../src/line/line-channel', '../minimal/app', 'cdk-line-pinpoint/lib/contract/limits'],
    allowed: [...CDK, 'cdk-line-pinpoint', 'path', './own-stack'],
  },
];

/** Every way in which TypeScript can reach into another file. */
const FORMS: Record<string, (specifier: string) => string> = {
  'import': (from) => `import { x } from '${from}';`,
  'import for its effect': (from) => `import '${from}';`,
  'type import': (from) => `import type { X } from '${from}';`,
  'export from': (from) => `export { x } from '${from}';`,
  'export everything': (from) => `export * from '${from}';`,
  'dynamic import': (from) => `export const x = import('${from}');`,
  'type query': (from) => `export type X = import('${from}').X;`,
};

const REQUIRES: Record<string, (specifier: string) => string> = {
  'require': (from) => `export const x = require('${from}');`,
  'import require': (from) => `import x = require('${from}'); export { x };`,
};

const RULES = ['no-restricted-imports', 'no-restricted-syntax', '@typescript-eslint/no-require-imports'];

describe('layer rules', () => {
  const root = path.join(__dirname, '..');
  const eslint = new LegacyESLint({
    cwd: root,
    overrideConfig: {
      // Texts that are in no file cannot be type-checked; the rules that would want types are no layer rules.
      parserOptions: { project: null },
      rules: { '@typescript-eslint/no-floating-promises': 'off', '@typescript-eslint/return-await': 'off' },
    },
  });

  async function violations(file: string, text: string): Promise<string[]> {
    const [{ messages }] = await eslint.lintText(text, { filePath: path.join(root, file) });
    const broken = messages.find(({ fatal }) => fatal);
    if (broken) {
      throw new Error(`ESLint could not read ${JSON.stringify(text)}: ${broken.message}`);
    }
    return messages.filter(({ ruleId }) => RULES.includes(ruleId!)).map(({ message }) => message);
  }

  describe.each(LAYERS)('$file', ({ file, refused, allowed }) => {
    test.each(Object.entries(FORMS))('%s is refused or allowed by what it names', async (_form, write) => {
      const passed: string[] = [];
      for (const specifier of [...refused, ...allowed]) {
        if ((await violations(file, write(specifier))).length === 0) {
          passed.push(specifier);
        }
      }
      expect(passed).toEqual(allowed);
    });

    test.each(Object.entries(REQUIRES))('%s is refused whatever it names', async (_form, write) => {
      for (const specifier of [...refused, ...allowed]) {
        expect(await violations(file, write(specifier))).not.toEqual([]);
      }
    });

    test('an import of a computed name is refused', async () => {
      expect(await violations(file, 'const name = "crypto"; export const x = import(name);')).not.toEqual([]);
    });

    test('the message names the layer and what it may import', async () => {
      const [message] = await violations(file, `import '${refused[0]}';`);
      expect(message).toMatch(/ may import .+\.$/);
    });
  });
});
