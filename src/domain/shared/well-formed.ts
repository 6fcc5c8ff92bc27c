/** The text with U+FFFD for every surrogate that stands alone, which UTF-8 cannot express and AWS services refuse. Source: Unicode, "UTF-16". */
export function wellFormed(text: string): string {
  return Buffer.from(text, 'utf8').toString('utf8');
}
