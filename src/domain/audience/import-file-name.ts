import { ImportRefused } from './import-refused';
import { ImportTag } from '../../contract/imports';
import { TAG_PATTERN } from '../../contract/subscriber';

/** Endings that say what a file is, and nothing about who is in it. */
const ENDINGS = /(?:\.(?:csv|tsv|txt|json|jsonl|ndjson))?(?:\.gz)?$/i;

/**
 * The tag that the subscribers of a file get.
 *
 * @param key of the file
 * @throws ImportRefused when the file's name makes no tag
 */
export function tagOf(tag: ImportTag, key: string): string | undefined {
  switch (tag.kind) {
    case 'none': return undefined;
    case 'fixed': return tag.tag;
    case 'fileName': {
      // Some systems write a letter and its accent as two characters.
      const name = key.slice(key.lastIndexOf('/') + 1).replace(ENDINGS, '').normalize('NFC');
      const made = name.replace(/[^\p{L}\p{M}\p{N} _.-]/gu, '-').trim();
      if (!TAG_PATTERN.test(made)) {
        throw new ImportRefused(`the tag is made of the file's name, and '${made.slice(0, 200)}' has ${made.length} characters, allowed are 1 to 64. Rename the file, or give a fixed tag`);
      }
      return made;
    }
  }
}

/** Whether an object is no file to be imported: a folder marker, or one that an import itself wrote. */
export function isNoFile(key: string, importPrefix: string): boolean {
  return key.endsWith('/') || key.startsWith(importPrefix);
}
