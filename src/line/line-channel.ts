import { Construct } from 'constructs';
import { ILineChannel, LineChannelAttributes, LineChannelBase, LineChannelOptions } from './line-channel-base';

/** Properties of a LINE channel. */
export interface LineChannelProps extends LineChannelOptions {}

/**
 * A LINE Official Account wired to AWS: a webhook that turns followers into subscribers of a table, and a send function
 * per message type that campaigns call. Needs no Amazon Pinpoint; see `LinePinpointChannel` for the same with it.
 *
 * @example
 * const channel = new LineChannel(this, 'Line');
 */
export class LineChannel extends LineChannelBase {
  /**
   * Refers to a channel that was deployed elsewhere.
   *
   * @param scope the construct that refers to it
   * @param id the id of the reference
   * @param attrs what names the channel
   */
  public static fromLineChannelAttributes(scope: Construct, id: string, attrs: LineChannelAttributes): ILineChannel {
    return LineChannelBase._import(scope, id, attrs);
  }

  /**
   * @param scope the construct that owns the channel
   * @param id the id of the channel; renaming it replaces what the channel owns
   * @param props all optional
   */
  constructor(scope: Construct, id: string, props: LineChannelProps = {}) {
    super(scope, id, props);
  }
}
