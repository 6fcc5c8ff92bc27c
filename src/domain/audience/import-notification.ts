import { ImportNotification, ImportSummary } from '../../contract/imports';
import { JobNotification } from '../shared/notification';

/** A notification of an import, in the shape of the "Amazon S3 Triggered Endpoint Imports" architecture. */
export interface ImportJobNotification extends JobNotification {
  readonly body: ImportNotification;
}

/**
 * Says that a file is being imported.
 *
 * @param file its S3 URL, with the key as it is, or what stands for a file
 */
export function importStarted(file: string, importId: string): ImportJobNotification {
  return {
    subject: 'An import of subscribers started',
    type: 'started',
    body: { Message: 'Import Started', Input: { S3URL: file, ImportId: importId } },
  };
}

/** Says what came of an import. */
export function importEnded(summary: ImportSummary): ImportJobNotification {
  return summary.status === 'COMPLETED'
    ? { subject: 'An import of subscribers succeeded', type: 'success', body: { Message: 'Import Successful', ImportResult: summary } }
    : { subject: 'An import of subscribers failed', type: 'failure', body: { Message: 'Import Failed', ImportResult: summary } };
}
