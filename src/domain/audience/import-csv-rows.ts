import { ImportColumns, ListColumns, MapColumn, NamedColumn } from './import-columns';
import {
  CHANNEL_TYPE_REASON, MAX_ENDPOINT_BYTES, NUMBER_REASON, OPT_OUT_REASON, RowReport, STATUS_REASON, TIME_REASON, USER_ID_REASON, byteStringOf,
  decimal, degrees, degreesReason, escapedBytes, isDegrees, isLineRow, isoText, jsonNumber, lineUserId, numberOf, optOutOf, statusOf, textOf, timeOf,
  tooLongReason,
} from './import-values';
import { PINPOINT_MAX_ATTRIBUTE_VALUES, PINPOINT_MAX_ATTRIBUTE_VALUE_LENGTH } from '../../contract/limits';

/** What became of a row: an `ImportRow` as a line of JSON, or it is none of ours, or it is wrong. */
export type RowOutcome = string | 'IGNORED' | 'REJECTED';

/** A column with what stands before its value in JSON: as the first of its map, or after another, whose value it closes. */
interface Slot extends NamedColumn {
  readonly name: string;
  readonly first: string;
  readonly next: string;
}

/** An attribute with the columns of its further values. */
interface ListSlot extends Slot {
  readonly more: readonly NamedColumn[];
}

/** What stands in front of the row's own members of an endpoint, by opt-out and status. */
const HEADS = {
  ALL: { ACTIVE: head('ALL', 'ACTIVE'), INACTIVE: head('ALL', 'INACTIVE') },
  NONE: { ACTIVE: head('NONE', 'ACTIVE'), INACTIVE: head('NONE', 'INACTIVE') },
};

/**
 * Rows of a CSV file, checked and mapped by what its header says. A row becomes the text of its JSON directly: objects that
 * exist only to be written out would cost more than all checks together, and so would more, shorter pieces of text. Fields
 * and rows are byte strings, see `CsvRecords`.
 */
export class CsvRows {
  private readonly width: number;
  private readonly userAttributes: readonly ListSlot[];
  private readonly attributes: readonly ListSlot[];
  private readonly metrics: readonly Slot[];
  private readonly location: readonly Slot[];
  private readonly degrees: readonly Slot[];
  private readonly demographic: readonly Slot[];

  /** @param fileAt when the file was written, epoch milliseconds: the time of rows without an `EffectiveDate` */
  constructor(private readonly columns: ImportColumns, private readonly fileAt: number, private readonly report: RowReport) {
    this.width = columns.width;
    this.userAttributes = listSlots(columns.userAttributes);
    this.attributes = listSlots(columns.attributes);
    this.metrics = columns.metrics.map((column) => slotOf(column, ':', ','));
    this.location = columns.location.filter(({ name }) => !isDegrees(name)).map((column) => slotOf(column, ':"', '",'));
    this.degrees = columns.location.filter(({ name }) => isDegrees(name)).map((column) => slotOf(column, ':', ','));
    this.demographic = columns.demographic.map((column) => slotOf(column, ':"', '",'));
  }

  /** @param mayEscape whether a field may have characters that JSON must escape */
  public map(fields: readonly string[], line: number, mayEscape: boolean): RowOutcome {
    const { columns, report } = this;
    report.begin(line);
    if (fields.length !== this.width && !this.fits(fields)) {
      return 'REJECTED';
    }
    const { members } = columns;
    if (members.ChannelType) {
      const channelType = fields[members.ChannelType.index];
      const isOurs = channelType === 'CUSTOM' || isLineRow(channelType);
      if (!isOurs) {
        return isOurs === false ? 'IGNORED' : this.wrong(members.ChannelType, fields, CHANNEL_TYPE_REASON);
      }
    }
    const givenUserId = members['User.UserId'] ? fields[members['User.UserId'].index] : '';
    const userId = this.lineUserId(fields, givenUserId);
    const optOut = members.OptOut ? this.optOut(members.OptOut, fields) : 'NONE';
    const status = members.EndpointStatus ? this.status(members.EndpointStatus, fields) : 'ACTIVE';
    let endpoint = '{"Address":"' + userId + HEADS[optOut][status];
    const creationDate = members.CreationDate && this.time(members.CreationDate, fields);
    if (creationDate !== undefined) {
      endpoint += ',"CreationDate":"' + isoText(creationDate, fields[members.CreationDate!.index]) + '"';
    }
    const userAttributes = this.userAttributes.length === 0 ? '' : this.lists(this.userAttributes, fields, mayEscape);
    if (givenUserId !== '') {
      this.checkLength(members['User.UserId']!, givenUserId);
      endpoint += ',"User":{"UserId":"' + (mayEscape ? escapedBytes(givenUserId) : givenUserId)
        + (userAttributes === '' ? '"}' : '","UserAttributes":{' + userAttributes + '"]}}');
    } else if (userAttributes !== '') {
      endpoint += ',"User":{"UserAttributes":{' + userAttributes + '"]}}';
    }
    const attributes = this.attributes.length === 0 ? '' : this.lists(this.attributes, fields, mayEscape);
    if (attributes !== '') {
      endpoint += ',"Attributes":{' + attributes + '"]}';
    }
    const metrics = this.metrics.length === 0 ? '' : this.numbers(fields);
    if (metrics !== '') {
      endpoint += ',"Metrics":{' + metrics + '}';
    }
    const location = columns.location.length === 0 ? '' : this.place(fields, mayEscape);
    if (location !== '') {
      endpoint += ',"Location":{' + location + '}';
    }
    const demographic = this.demographic.length === 0 ? '' : this.texts(this.demographic, fields, mayEscape);
    if (demographic !== '') {
      endpoint += ',"Demographic":{' + demographic + '"}';
    }
    const at = (members.EffectiveDate && this.time(members.EffectiveDate, fields)) ?? this.fileAt;
    for (const index of columns.unnamed) {
      if (fields[index] !== '') {
        report.add(undefined, textOf(fields[index]), `column ${index + 1} has no name in the header, so nobody knows what this value is. Name the column, or empty it`);
      }
    }
    // The brace that is still missing is a byte.
    if (endpoint.length >= MAX_ENDPOINT_BYTES) {
      report.add(undefined, undefined, `the endpoint has ${endpoint.length + 1} bytes, allowed are ${MAX_ENDPOINT_BYTES}. Leave columns out with entries of columns`);
    }
    return report.isEmpty ? '{"line":' + decimal(line) + ',"at":' + decimal(at) + ',"endpoint":' + endpoint + '}}\n' : 'REJECTED';
  }

  /** Whether only empty fields are too many; spreadsheets add those. */
  private fits(fields: readonly string[]): boolean {
    const { width } = this;
    if (fields.length > width && fields.slice(width).every((field) => field === '')) {
      return true;
    }
    this.report.add(undefined, undefined, `the row has ${fields.length} fields, the header ${width}. A field with commas or line breaks must stand in double quotes, and a double quote in it twice`);
    return false;
  }

  private lineUserId(fields: readonly string[], givenUserId: string): string | undefined {
    const { members } = this.columns;
    // The first that is not empty: an address that is none of LINE's belongs to another channel, whatever the id is.
    let column = members.Address;
    let value = column ? fields[column.index] : '';
    if (value === '' && members.Id) {
      column = members.Id;
      value = fields[column.index];
    }
    if (value === '' && members['User.UserId']) {
      column = members['User.UserId'];
      value = givenUserId;
    }
    const id = lineUserId(value);
    if (id === undefined) {
      this.report.add(column!.column, textOf(value), value === '' ? 'is empty, and so is every other column that may give the LINE user id' : USER_ID_REASON);
    }
    return id;
  }

  private optOut(column: NamedColumn, fields: readonly string[]): 'ALL' | 'NONE' {
    const optOut = optOutOf(fields[column.index]);
    if (optOut === undefined) {
      this.wrong(column, fields, OPT_OUT_REASON);
    }
    return optOut ?? 'ALL';
  }

  private status(column: NamedColumn, fields: readonly string[]): 'ACTIVE' | 'INACTIVE' {
    const status = statusOf(fields[column.index]);
    if (status === undefined) {
      this.wrong(column, fields, STATUS_REASON);
    }
    return status ?? 'INACTIVE';
  }

  /** Members of a map of lists, as JSON without its braces and the end of the last list. An attribute whose fields are all empty is not there. */
  private lists(slots: readonly ListSlot[], fields: readonly string[], mayEscape: boolean): string {
    let text = '';
    for (const slot of slots) {
      const value = fields[slot.index];
      if (slot.more.length > 0) {
        const values = this.list(slot, fields, mayEscape);
        if (values !== '') {
          text += (text === '' ? slot.first : slot.next) + values;
        }
      } else if (value !== '') {
        this.checkLength(slot, value);
        text += (text === '' ? slot.first : slot.next) + (mayEscape ? escapedBytes(value) : value);
      }
    }
    return text;
  }

  /** Values of an attribute, as JSON without the first quote and the last. */
  private list(slot: ListSlot, fields: readonly string[], mayEscape: boolean): string {
    let text = fields[slot.index];
    let values = text === '' ? 0 : 1;
    this.checkLength(slot, text);
    text = mayEscape ? escapedBytes(text) : text;
    for (const column of slot.more) {
      const value = fields[column.index];
      if (value !== '') {
        this.checkLength(column, value);
        text += (values === 0 ? '' : '","') + (mayEscape ? escapedBytes(value) : value);
        values += 1;
      }
    }
    if (values > PINPOINT_MAX_ATTRIBUTE_VALUES) {
      this.report.add(slot.column, undefined, `has ${values} values, allowed are ${PINPOINT_MAX_ATTRIBUTE_VALUES}`);
    }
    return text;
  }

  private numbers(fields: readonly string[]): string {
    let text = '';
    for (const slot of this.metrics) {
      const value = fields[slot.index];
      if (value !== '') {
        const number = jsonNumber(value);
        if (number === undefined) {
          this.wrong(slot, fields, NUMBER_REASON);
        }
        text += (text === '' ? slot.first : slot.next) + number;
      }
    }
    return text;
  }

  private place(fields: readonly string[], mayEscape: boolean): string {
    let text = this.texts(this.location, fields, mayEscape);
    if (text !== '') {
      text += '"';
    }
    for (const slot of this.degrees) {
      const value = fields[slot.index];
      if (value !== '') {
        const number = degrees(slot.name, numberOf(value));
        if (number === undefined) {
          this.wrong(slot, fields, degreesReason(slot.name));
        }
        text += (text === '' ? slot.first : slot.next) + number;
      }
    }
    return text;
  }

  /** Members of a map of texts, as JSON without its braces and the last quote. */
  private texts(slots: readonly Slot[], fields: readonly string[], mayEscape: boolean): string {
    let text = '';
    for (const slot of slots) {
      const value = fields[slot.index];
      if (value !== '') {
        this.checkLength(slot, value);
        text += (text === '' ? slot.first : slot.next) + (mayEscape ? escapedBytes(value) : value);
      }
    }
    return text;
  }

  private checkLength({ column }: NamedColumn, value: string): void {
    // There are more bytes than characters.
    if (value.length > PINPOINT_MAX_ATTRIBUTE_VALUE_LENGTH && textOf(value).length > PINPOINT_MAX_ATTRIBUTE_VALUE_LENGTH) {
      this.report.add(column, textOf(value), tooLongReason(textOf(value).length));
    }
  }

  /** Epoch milliseconds; undefined when the field is empty, or wrong, which is reported. */
  private time(column: NamedColumn, fields: readonly string[]): number | undefined {
    const value = fields[column.index];
    if (value === '') {
      return undefined;
    }
    const time = timeOf(value, this.fileAt);
    if (time === undefined) {
      this.wrong(column, fields, TIME_REASON);
    }
    return time;
  }

  private wrong({ column, index }: NamedColumn, fields: readonly string[], reason: string): 'REJECTED' {
    this.report.add(column, textOf(fields[index]), reason);
    return 'REJECTED';
  }
}

function head(optOut: string, status: string): string {
  return `","ChannelType":"CUSTOM","OptOut":"${optOut}","EndpointStatus":"${status}"`;
}

function slotOf({ index, column, name }: MapColumn, open: string, close: string): Slot {
  const first = byteStringOf(JSON.stringify(name)) + open;
  return { index, column, name, first, next: close + first };
}

function listSlots(lists: readonly ListColumns[]): ListSlot[] {
  return lists.map(({ name, columns: [column, ...more] }) => ({ ...slotOf({ ...column, name }, ':["', '"],'), more }));
}
