import * as fs from 'fs';
import * as path from 'path';

/**
 * Names the npm packages whose code is inside the bundled handlers, with their licences, as those licences ask for.
 *
 * Run after bundling: `ts-node --project projenrc/tsconfig.json projenrc/third-party-notices.ts`. It reads the metafile
 * that esbuild left beside each bundle, writes `assets/THIRD-PARTY-NOTICES.txt` and deletes the metafiles, which hold
 * this repository's file names and are of no use to a consumer.
 */

/** Licences that allow distribution inside an Apache-2.0 package on the sole condition that their text comes along. */
const PERMISSIVE = ['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', 'MIT'];

const NOTICES = 'THIRD-PARTY-NOTICES.txt';
const METAFILE = 'index.meta.json';
const RULE = '-'.repeat(100);

/** The part of esbuild's metafile that is read here. Source: esbuild, "Metafile". */
interface Metafile {
  readonly outputs: Record<string, { readonly inputs: Record<string, { readonly bytesInOutput: number }> }>;
}

/**
 * Writes the notices for the bundles below `<root>/assets`.
 *
 * @param root folder that esbuild ran in, the repository's root
 * @throws when a bundle has no metafile, or a bundled package has no permissive licence or no licence text
 */
export function writeThirdPartyNotices(root: string): void {
  const assets = path.join(root, 'assets');
  const bundles = fs.readdirSync(assets, { recursive: true, encoding: 'utf8' })
    .filter((file) => path.basename(file) === 'index.js')
    .map((file) => path.join(assets, path.dirname(file)));
  const withoutMetafile = bundles.filter((bundle) => !fs.existsSync(path.join(bundle, METAFILE)));
  if (bundles.length === 0 || withoutMetafile.length > 0) {
    const what = withoutMetafile.map((bundle) => path.relative(root, bundle)).join(', ') || 'assets/ holds no bundle';
    throw new Error(`no ${METAFILE} to read notices from: ${what}; run \`npx projen bundle\`, which writes bundles and notices together`);
  }

  const packages = new Set(bundles.flatMap((bundle) => bundledPackages(path.join(bundle, METAFILE))));
  fs.writeFileSync(path.join(assets, NOTICES), notices([...packages].map((folder) => readPackage(root, folder))));
  bundles.forEach((bundle) => fs.rmSync(path.join(bundle, METAFILE)));
}

/** Folders, relative to the root, of the packages that gave at least a byte to the bundle. */
function bundledPackages(metafile: string): string[] {
  const { outputs } = JSON.parse(fs.readFileSync(metafile, 'utf8')) as Metafile;
  return Object.values(outputs)
    .flatMap(({ inputs }) => Object.entries(inputs))
    .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
    // The last node_modules in the path: a package may bring another version of its own.
    .flatMap(([input]) => input.match(/^.*node_modules\/(?:@[^/]+\/)?[^/]+/) ?? []);
}

interface BundledPackage {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly texts: string[];
}

function readPackage(root: string, folder: string): BundledPackage {
  const { name, version, license } = JSON.parse(fs.readFileSync(path.join(root, folder, 'package.json'), 'utf8'));
  if (!PERMISSIVE.includes(license)) {
    throw new Error(`${name} ${version} is bundled, but its licence is ${JSON.stringify(license)}; allowed are ${PERMISSIVE.join(', ')}: `
      + 'use another package, or have the licence judged and add it to projenrc/third-party-notices.ts');
  }
  const texts = fs.readdirSync(path.join(root, folder))
    .filter((file) => /^(licen[cs]e|copying|notice|copyright)/i.test(file))
    .sort()
    .map((file) => fs.readFileSync(path.join(root, folder, file), 'utf8').replace(/\r\n/g, '\n').replace(/[ \t]+$/gm, '').trim());
  if (texts.length === 0) {
    throw new Error(`${name} ${version} (${license}) is bundled, but has no licence file whose text could be passed on: use another version or package`);
  }
  return { name, version, license, texts };
}

/** Packages that share their texts word by word stand above one copy of them. Depends on the packages only, so that equal bundles have equal notices. */
function notices(packages: BundledPackage[]): string {
  const byText = new Map<string, string[]>();
  const titles = packages
    .map(({ name, version, license, texts }) => ({ title: `${name} ${version} (${license})`, text: texts.join('\n\n') }))
    .sort((a, b) => (a.title < b.title ? -1 : 1));
  for (const { title, text } of titles) {
    byText.set(text, [...byText.get(text) ?? [], title]);
  }
  return [
    'THIRD-PARTY NOTICES\n\nThe bundled Lambda handlers in this folder contain code of the following packages.',
    ...[...byText].map(([text, names]) => `${names.join('\n')}\n\n${text}`),
  ].join(`\n\n${RULE}\n\n`) + '\n';
}

if (require.main === module) {
  writeThirdPartyNotices(path.join(__dirname, '..'));
}
