import { Template } from 'aws-cdk-lib/assertions';
import { only, rendered } from './template';

/** A state of a definition, as the Amazon States Language has it. */
export type State = Record<string, any>;

/** Definition of the state machine whose logical id begins so; references are rendered as `<LogicalId.Attribute>`. */
export function definitionOf(template: Template, idPrefix: string): { StartAt: string; States: Record<string, State>; TimeoutSeconds: number } {
  return JSON.parse(rendered(only(template, 'AWS::StepFunctions::StateMachine', idPrefix).Properties.DefinitionString));
}

/** Every state of a definition, those inside of maps too, by name. */
export function statesOf({ States }: { States: Record<string, State> }): [string, State][] {
  return Object.entries(States)
    .flatMap(([name, state]): [string, State][] => [[name, state], ...state.ItemProcessor ? statesOf(state.ItemProcessor) : []]);
}

/** `<state> -> <state>` for each way that a definition can take at one level; `!` where it is taken on an error. */
export function waysOf({ States }: { States: Record<string, State> }): string[] {
  return Object.entries(States).flatMap(([name, { Next, Default, Choices = [], Catch = [] }]) => [
    ...[Next, Default, ...Choices.map((choice: any) => choice.Next)].filter((to) => to !== undefined).map((to) => `${name} -> ${to}`),
    ...Catch.map((caught: any) => `${name} ! ${caught.Next}`),
  ]).sort();
}
