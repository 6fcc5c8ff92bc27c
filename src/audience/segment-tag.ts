import { Token } from 'aws-cdk-lib';
import { ImportTag } from '../contract/imports';
import { TAG_PATTERN } from '../contract/subscriber';

/** Which tag imported subscribers get. A tag makes a segment: `RecipientSource.byTag` sends to everybody who has it. */
export abstract class SegmentTag {
  /** No tag. */
  public static none(): SegmentTag {
    return new ImportedTag({ kind: 'none' });
  }

  /**
   * The same tag for every file.
   *
   * @param tag 1 to 64 letters of any script, digits, spaces, `_`, `.` and `-`
   */
  public static fixed(tag: string): SegmentTag {
    if (!Token.isUnresolved(tag) && !TAG_PATTERN.test(tag)) {
      throw new Error(`\`tag\` must be 1 to 64 letters, digits, spaces, '_', '.' and '-', without a space at an end, got '${tag}'`);
    }
    return new ImportedTag({ kind: 'fixed', tag });
  }

  /** The file's name without folder and extensions, other characters as `-`: as Amazon Pinpoint named imported segments after their files. */
  public static fromFileName(): SegmentTag {
    return new ImportedTag({ kind: 'fileName' });
  }

  /** @internal */
  public abstract readonly _config: ImportTag;
}

class ImportedTag extends SegmentTag {
  constructor(public readonly _config: ImportTag) {
    super();
  }
}
