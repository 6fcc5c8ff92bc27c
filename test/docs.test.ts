import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CampaignReason } from '../src/contract/campaigns';
import { SendErrorCode } from '../src/contract/custom-channel';

const ROOT = join(__dirname, '..');
const runbook = readFileSync(join(ROOT, 'docs/runbook.md'), 'utf8');
const sections = new Set([...runbook.matchAll(/^### (.+)$/gm)].flatMap(([, title]) => title.split(', ')));

function sources(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => readFileSync(join(ROOT, folder, file), 'utf8'));
}

function matches(texts: string[], pattern: RegExp): string[] {
  return [...new Set(texts.flatMap((text) => [...text.matchAll(pattern)].map(([, name]) => name)))];
}

describe('docs/runbook.md', () => {
  test.each(Object.values(SendErrorCode))('has a section for the error code %s', (code) => {
    expect(sections).toContain(code);
  });

  test.each(Object.values(CampaignReason))('has a section for the reason %s of a campaign run', (reason) => {
    expect(sections).toContain(reason);
  });

  test.each(matches([...sources('src/domain'), ...sources('src/runtime')], /(?:info|warn|error)\(\s*'([A-Z_]+)'/g))('has a section for the log code %s', (code) => {
    expect(sections).toContain(code);
  });

  test.each(matches([...sources('src/line'), ...sources('src/audience'), ...sources('src/campaigns')], /runbook: '([a-z-]+)'/g))('has a section for the alarm %s', (anchor) => {
    expect(sections).toContain(anchor);
  });

  test.each(matches([readFileSync(join(ROOT, 'src/domain/audience/pinpoint-endpoint.ts'), 'utf8')], /return '([A-Z_]+)';/g))('has a section for the refusal PINPOINT_%s', (refusal) => {
    expect(sections).toContain(`PINPOINT_${refusal}`);
  });

  test('has no section that nothing leads to', () => {
    const code = ['domain', 'runtime', 'line', 'audience', 'campaigns', 'contract'].flatMap((folder) => sources(`src/${folder}`)).join('\n');
    expect([...sections].filter((section) => !code.includes(`'${section}'`) && !code.includes(`'${section.replace('PINPOINT_', '')}'`))).toEqual([]);
  });
});

describe('names in commands', () => {
  const read = (document: string) => readFileSync(join(ROOT, document), 'utf8');
  const section = /^## Names you need$([^]*?)^## /m.exec(read('README.md'))![1];
  const rows = [...section.matchAll(/^\| `\$([A-Z_]+)` \|.*\| (.*) \|$/gm)].map(([, variable, from]) => [variable, from]);

  test.each(['README.md', 'docs/campaigns.md', 'docs/imports.md', 'docs/sending.md', 'docs/runbook.md', 'docs/setup-line.md'])('of %s are explained in README', (document) => {
    const variables = new Set([...read(document).matchAll(/\$([A-Z][A-Z_]+)/g)].map(([, variable]) => variable));
    expect(variables.size).toBeGreaterThan(0);
    expect([...variables].filter((variable) => !rows.some(([explained]) => explained === variable))).toEqual([]);
  });

  test.each(rows)('$%s is an output: %s', (_variable, from) => {
    const outputs = [...from.matchAll(/`(\w+)`/g)].map(([, output]) => output);
    expect(outputs.length).toBeGreaterThan(0);
    // The channel's own output, or one of the snippet's.
    expect(outputs.filter((output) => output !== 'SecretArn' && !section.includes(`new CfnOutput(this, '${output}'`))).toEqual([]);
  });
});

describe('links between documents', () => {
  const documents = ['README.md', 'CONTRIBUTING.md', ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md')).map((file) => join('docs', file))];

  test.each(documents)('of %s lead to files that exist', (document) => {
    const text = readFileSync(join(ROOT, document), 'utf8');
    const targets = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, target]) => join(ROOT, document, '..', target));
    const missing = targets.filter((target) => {
      try {
        readFileSync(target);
        return false;
      } catch {
        return true;
      }
    });
    expect(missing).toEqual([]);
  });
});
