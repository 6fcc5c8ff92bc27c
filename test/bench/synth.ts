import { execFileSync } from 'child_process';
import * as fs from 'fs';
import * as path from 'path';
import { performance } from 'perf_hooks';
import * as ts from 'typescript';
import { Figure, median } from './figures';
import { awsEnvironment } from './side-by-side';
import { ROOT } from '../support/built';

const ROUNDS = 20;

/** `cdk synth` of examples/minimal against that of a stack with nothing in it, both compiled, in turns, as in a consumer's project. */
export function benchSynth(folder: string, log: (line: string) => void): Figure[] {
  const project = path.join(folder, 'consumer');
  fs.mkdirSync(path.join(project, 'node_modules'), { recursive: true });
  for (const [name, target] of [['cdk-line-pinpoint', ROOT], ['aws-cdk-lib', path.join(ROOT, 'node_modules/aws-cdk-lib')], ['constructs', path.join(ROOT, 'node_modules/constructs')]]) {
    fs.symlinkSync(target, path.join(project, 'node_modules', name), 'junction');
  }
  const minimal = fs.readFileSync(path.join(ROOT, 'examples/minimal/app.ts'), 'utf8');
  const empty = "import { App, Stack } from 'aws-cdk-lib'; new Stack(new App(), 'Empty');";
  const apps = [{ name: 'minimal', source: minimal }, { name: 'empty', source: empty }].map(({ name, source }) => {
    const { outputText } = ts.transpileModule(source, { compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 } });
    fs.writeFileSync(path.join(project, `${name}.js`), outputText);
    return { name, times: [] as number[] };
  });

  for (let round = 0; round <= ROUNDS; round++) {
    for (const { name, times } of apps) {
      const milliseconds = synth(project, folder, name);
      // The first round brings the files into the system's cache.
      if (round > 0) {
        times.push(milliseconds);
      }
    }
  }
  const [ours, baseline] = apps.map(({ times }) => median(times));
  log(`cdk synth: examples/minimal ${ours.toFixed(0)} ms, an empty stack ${baseline.toFixed(0)} ms`);
  return [{
    name: '`cdk synth` of examples/minimal',
    unit: '×',
    target: 1.5,
    measured: ours / baseline,
    detail: `${(ours / 1000).toFixed(2)} s ÷ ${(baseline / 1000).toFixed(2)} s of an empty stack, p50 of ${ROUNDS}`,
  }];
}

function synth(project: string, home: string, name: string): number {
  const cli = path.join(ROOT, 'node_modules/aws-cdk/bin/cdk');
  const out = path.join(project, `${name}.out`);
  const startedAt = performance.now();
  execFileSync(process.execPath, [cli, 'synth', '--quiet', '--app', `"${process.execPath}" ${name}.js`, '--output', out, '--no-notices', '--no-version-reporting'], {
    cwd: project,
    env: { ...awsEnvironment(home), CI: 'true', CDK_DISABLE_CLI_TELEMETRY: 'true' },
    stdio: 'pipe',
  });
  const milliseconds = performance.now() - startedAt;
  if (!fs.readdirSync(out).some((file) => file.endsWith('.template.json'))) {
    throw new Error(`cdk synth of ${name}.js wrote no template`);
  }
  return milliseconds;
}
