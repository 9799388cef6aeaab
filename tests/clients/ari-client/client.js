// A menu by the public client ari-client: answer, play, read a digit, record, play to a bridge, hang up.
// It makes its methods from the exchange's Swagger documents. Prints what it saw as one JSON object.
'use strict';

const ari = require('ari-client');

const [host, port, user, password] = process.argv.slice(2);
const seen = { events: [] };

function fail(error) {
  console.error(error && error.stack ? error.stack : error);
  process.exit(1);
}

process.on('unhandledRejection', fail);
setTimeout(() => fail('the story took too long'), 30000).unref();

function once(emitter, name) {
  return new Promise((resolve) => emitter.once(name, (event, ...instances) => resolve([event, ...instances])));
}

async function story(client, event, channel) {
  seen.args = event.args;
  seen.name = channel.name;
  await channel.answer();
  const playback = client.Playback();
  const finished = once(playback, 'PlaybackFinished');
  await channel.play({ media: 'sound:hello' }, playback);
  seen.playback = (await finished)[0].playback.state;

  const [digit] = await once(channel, 'ChannelDtmfReceived');
  seen.digit = digit.digit;
  await channel.setChannelVar({ variable: 'COLOUR', value: 'red' });
  seen.colour = (await channel.getChannelVar({ variable: 'COLOUR' })).value;

  const recorded = once(client, 'RecordingFinished');
  await channel.record({ name: 'from-node', format: 'wav', maxDurationSeconds: 1 });
  seen.recording = (await recorded)[0].recording.state;
  seen.stored = (await client.recordings.listStored()).map((each) => each.name);

  const bridge = client.Bridge();
  await bridge.create({ type: 'mixing', name: 'of-node' });
  const entered = once(channel, 'ChannelEnteredBridge');
  await bridge.addChannel({ channel: channel.id });
  seen.members = (await entered)[0].bridge.channels.length;
  const announced = client.Playback();
  const heard = once(announced, 'PlaybackFinished');
  await bridge.play({ media: 'sound:hello' }, announced);
  seen.announced = (await heard)[0].playback.state;
  await bridge.destroy();

  try {
    await client.channels.get({ channelId: 'nobody' });
  } catch (error) {
    seen.refused = JSON.parse(error.message).message;
  }
  const left = once(channel, 'StasisEnd');
  await channel.hangup({ reason: 'normal' });
  await left;
  client.stop();
  console.log(JSON.stringify(seen));
  process.exit(0);
}

ari.connect(`http://${host}:${port}`, user, password, (error, client) => {
  if (error) {
    fail(error);
    return;
  }
  for (const name of ['StasisStart', 'ChannelDtmfReceived', 'PlaybackStarted', 'RecordingStarted', 'StasisEnd']) {
    client.on(name, () => seen.events.push(name));
  }
  client.once('StasisStart', (event, channel) => story(client, event, channel).catch(fail));
  client.start('node');
});
