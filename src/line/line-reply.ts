import { Token } from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';

/**
 * What a channel replies, by the free reply token: a reply does not count against the month's quota, a push does.
 * Source: LINE, Messaging API pricing.
 */
export abstract class LineReply {
  /**
   * A message that is written here: what a campaign's `Data` may be, a text or the JSON text of LINE messages, with placeholders and
   * `media://` addresses. All replies of a channel share 2,500 bytes; what is longer goes into a template.
   *
   * @param data the content, such as `Welcome, {{User.UserAttributes.DisplayName|friend}}!`
   * @throws when it is blank
   */
  public static message(data: string): LineReply {
    if (data.trim() === '') {
      throw new Error(`\`data\` of LineReply.message() must be a text or the JSON text of LINE messages, got ${JSON.stringify(data)}: write what to reply`);
    }
    return new DataReply(data);
  }

  /**
   * A template, `templates/<name>.json` in the channel's template bucket. It is read when it is sent, so that it can be changed
   * without a deployment, and may exist in several languages.
   *
   * @param name name of the template, without prefix and `.json`
   * @throws when it cannot be a template's name
   */
  public static template(name: string): LineReply {
    // The grammar's rule: see isTemplateName, which the function applies again.
    if (!Token.isUnresolved(name) && (name.length > 200 || !/^[\w-]+(?:[./][\w-]+)*$/.test(name))) {
      throw new Error(`\`name\` of LineReply.template() must be letters, digits, _ and -, with . and / between them, at most 200, such as '2026/welcome', got '${name.slice(0, 200)}'`);
    }
    return new DataReply(JSON.stringify({ template: name }));
  }

  /**
   * What a function answers. It is invoked with `{"rule","channelKey","userId","event"}` and answers `{"data":"…"}`, content as
   * `message()` takes it, or null for no reply. It has 45 seconds from the event's delivery, and is not invoked again when it fails. The
   * event has what the person wrote only with `includeMessageText`.
   *
   * @param handler the function
   */
  public static fromFunction(handler: lambda.IFunction): LineReply {
    return new FunctionReply(handler);
  }

  /**
   * Content in the grammar of `Data`.
   *
   * @internal
   */
  public abstract readonly _data?: string;

  /**
   * The function that answers with it.
   *
   * @internal
   */
  public abstract readonly _handler?: lambda.IFunction;
}

class DataReply extends LineReply {
  public readonly _handler = undefined;
  constructor(public readonly _data: string) {
    super();
  }
}

class FunctionReply extends LineReply {
  public readonly _data = undefined;
  constructor(public readonly _handler: lambda.IFunction) {
    super();
  }
}
