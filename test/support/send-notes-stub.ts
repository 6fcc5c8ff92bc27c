import { QuotaNotice } from '../../src/contract/send-journal';
import { AggregationUnits } from '../../src/domain/line/aggregation-units';
import { QuotaNotices } from '../../src/domain/line/quota';

/** Keeps what was noted. */
export class SendNotesStub implements QuotaNotices, AggregationUnits {
  public readonly quota: QuotaNotice[] = [];
  public readonly units: string[] = [];
  /** Whether the next notes are the first ones. */
  public isNew = true;
  /** What the next notes fail with. */
  public error?: Error;

  public async putQuotaNotice(notice: QuotaNotice): Promise<boolean> {
    return this.put(() => this.quota.push(notice));
  }

  public async putUnit(month: string, unit: string): Promise<boolean> {
    return this.put(() => this.units.push(`${month} ${unit}`));
  }

  private put(keep: () => void): boolean {
    if (this.error) {
      throw this.error;
    }
    keep();
    return this.isNew;
  }
}
