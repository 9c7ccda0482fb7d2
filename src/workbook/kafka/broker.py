"""A Kafka broker that listens on 127.0.0.1 and ends with the process that started it."""

import os
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from py4j.java_gateway import GatewayClient, GatewayParameters, JavaGateway, JavaObject
from py4j.protocol import ERROR, REFERENCE_TYPE

from lakehouse.files import OwnFolder
from lakehouse.sources.ports import free_port
from workbook.environment import shielded
from workbook.errors import SetupError
from workbook.spark import java
from workbook.spark.session import CACHE

NODE = 1
# One node has no second one to copy to, and a lesson has little to do at a time.
SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": str(NODE),
    "controller.listener.names": "CONTROLLER",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "1",
    "min.insync.replicas": "1",
    "group.initial.rebalance.delay.ms": "0",
    "num.network.threads": "1",
    "num.io.threads": "2",
    "background.threads": "1",
    "num.recovery.threads.per.data.dir": "1",
    "log.cleaner.enable": "false",
}
# A broker on the same machine answers at once or not at all; the defaults wait for minutes.
PATIENCE = {
    "request.timeout.ms": "10000",
    "default.api.timeout.ms": "10000",
    "delivery.timeout.ms": "10000",
    "max.block.ms": "10000",
    "linger.ms": "0",
}


class BrokerError(Exception):
    """The broker refused something; the message is its own."""


class Broker:
    """A running Kafka broker: one node that is its own controller, without topics at first.

    `servers` is what Spark's `kafka.bootstrap.servers` asks for. Spark itself writes and reads topics; what it cannot
    do, or only by a job, is done here. Raises SetupError where the broker does not start, and BrokerError where it
    refuses something.
    """

    def __init__(self, jars: Sequence[Path]) -> None:
        command = _command(jars)  # Where Java is missing, this fails before there is a folder to remove.
        self._port, self._controller_port = free_port(), free_port()
        self._place = OwnFolder("lakehouse-kafka-")
        self._process = _start(command, self._place.path)
        try:
            self._gateway = _Gateway(self._process)
            self._kafka = self._gateway.jvm.org.apache.kafka
            self._serve()
            client = self._properties({**PATIENCE, "bootstrap.servers": self.servers})
            as_bytes = self._kafka.common.serialization.ByteArraySerializer()
            self._admin = self._kafka.clients.admin.Admin.create(client)
            self._producer = self._kafka.clients.producer.KafkaProducer(client, as_bytes, as_bytes)
        except BaseException as error:
            words = _last_words(error, self._place.path / "log")
            self.stop()
            if isinstance(error, (BrokerError, ValueError)):
                raise SetupError(
                    f"Kafka did not start ({words}): free some memory and some space on the disk, then try again."
                ) from error
            raise

    @property
    def servers(self) -> str:
        """Host and port of the broker, for the option `kafka.bootstrap.servers`."""
        return f"127.0.0.1:{self._port}"

    def create_topic(self, topic: str, partitions: int = 1) -> None:
        """Make a topic. Its partitions are numbered from 0."""
        self._admin.createTopics([self._kafka.clients.admin.NewTopic(topic, partitions, 1)]).all().get()

    def send(
        self, topic: str, *values: str | bytes | None, key: str | bytes | None = None, partition: int | None = None
    ) -> None:
        """Append messages to a topic, in this order, and return once the broker has them.

        Those with a key go to the partition that belongs to it, unless `partition` says another. A topic that is not
        there is made, with one partition.
        """
        record = self._kafka.clients.producer.ProducerRecord
        sent = [self._producer.send(record(topic, partition, _bytes(key), _bytes(value))) for value in values]
        for future in sent:
            future.get()

    def delete_before(self, topic: str, partition: int, offset: int) -> None:
        """Delete the messages of a partition before an offset, as the broker does to those that are too old."""
        place = self._kafka.common.TopicPartition(topic, partition)
        self._admin.deleteRecords({place: self._before(offset)}).all().get()

    def groups(self) -> list[str]:
        """The names of the consumer groups that the broker knows. A stream of Spark is none: it commits nothing."""
        return sorted(str(group.groupId()) for group in self._admin.listGroups().all().get().toArray())

    def stop(self) -> None:
        """End the broker at once and remove its files. A second call does nothing."""
        if self._process.stdin is not None and self._process.stdout is not None:
            self._process.stdin.close()
            self._process.wait()
            self._process.stdout.close()
        self._place.remove()

    def __enter__(self) -> "Broker":
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def _serve(self) -> None:
        """Format the folder and start the broker in it."""
        data = str(self._place.path / "data")
        listeners = f"PLAINTEXT://{self.servers},CONTROLLER://127.0.0.1:{self._controller_port}"
        own = {
            "listeners": listeners,
            "advertised.listeners": f"PLAINTEXT://{self.servers}",
            "controller.quorum.voters": f"{NODE}@127.0.0.1:{self._controller_port}",
            "log.dirs": data,
        }
        formatter = self._kafka.metadata.storage.Formatter()
        formatter.setClusterId(self._kafka.common.Uuid.randomUuid().toString()).setNodeId(NODE)
        formatter.setControllerListenerName("CONTROLLER").setMetadataLogDirectory(data).addDirectory(data)
        formatter.run()
        config = self._gateway.jvm.kafka.server.KafkaConfig.fromProps(self._properties({**SETTINGS, **own}))
        self._gateway.jvm.kafka.server.KafkaRaftServer(config, self._kafka.common.utils.Time.SYSTEM).startup()

    def _properties(self, settings: Mapping[str, str]) -> Any:
        properties = self._gateway.jvm.java.util.Properties()
        for name, value in settings.items():
            properties.setProperty(name, value)
        return properties

    def _before(self, offset: int) -> Any:
        """`RecordsToDelete.beforeOffset(offset)`; py4j sees only the method of this name that takes nothing."""
        lang = self._gateway.jvm.java.lang
        types, values = self._gateway.new_array(lang.Class, 1), self._gateway.new_array(lang.Object, 1)
        types[0], values[0] = lang.Long.TYPE, lang.Long.valueOf(str(offset))
        kind = lang.Class.forName("org.apache.kafka.clients.admin.RecordsToDelete")
        return kind.getMethod("beforeOffset", types).invoke(None, values)


def _command(jars: Sequence[Path]) -> list[str]:
    """A Java with Kafka that does what Python says to it, and ends when its input ends."""
    py4j = next(java.spark_jars().glob("py4j-*.jar"))
    flags = [*java.QUICK_FLAGS, "-Xmx256m", "-Djava.net.preferIPv4Stack=true"]
    # The archive of Java's own classes, from which that of Spark was made, saves a second.
    flags += [f"-XX:SharedArchiveFile={java.archive(CACHE).with_suffix('.base')}", "-Xshare:auto", "-Xlog:disable"]
    path = os.pathsep.join(map(str, [*jars, py4j]))
    serve = ("py4j.GatewayServer", "--die-on-broken-pipe", "--enable-auth", "0")
    return [str(java.java_command(java.find_java())), *flags, "-cp", path, *serve]


def _start(command: Sequence[str], folder: Path) -> "subprocess.Popen[bytes]":
    """Start it under a shell that removes the folder when its input has ended, a pipe from this process.

    So it ends, and leaves nothing behind, when this process ends, however that happens.
    """
    script = f'{shlex.join(command)} 2>"$1/log" && rm -rf "$1"'
    return subprocess.Popen(
        ["sh", "-c", script, "kafka", str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=shielded(),
        start_new_session=True,
    )


class _Gateway(JavaGateway):  # type: ignore[misc]
    """What says to the broker's Java what it is to do."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process
        assert process.stdout is not None
        port, token = int(process.stdout.readline()), process.stdout.readline().decode().strip()
        own = {"port": port, "auth_token": token, "auto_convert": True}
        # Otherwise it would tell a Java that has ended which objects are not needed any more.
        super().__init__(gateway_parameters=GatewayParameters(**own, enable_memory_management=False))

    def _create_gateway_client(self) -> GatewayClient:
        return _Client(self._process, self.gateway_parameters)


class _Client(GatewayClient):  # type: ignore[misc]
    """What Java throws is a BrokerError at once: pyspark would take it for its own, and ask Spark's Java about it."""

    def __init__(self, process: "subprocess.Popen[bytes]", parameters: GatewayParameters) -> None:
        self._process = process
        super().__init__(gateway_parameters=parameters)

    def send_command(self, command: str, retry: bool = True, binary: bool = False) -> Any:
        if self._process.poll() is not None:
            raise BrokerError("The broker has ended: start another one.")
        answer = super().send_command(command, retry, binary)
        if str(answer).startswith(ERROR + REFERENCE_TYPE):
            thrown = JavaObject(answer[2:].strip(), self)
            cause = thrown.getCause() or thrown
            raise BrokerError(str(cause.getMessage() or cause.toString()))
        return answer


def _last_words(error: BaseException, log: Path) -> str:
    """Why Kafka did not start: what Java threw, or the last line that it wrote."""
    lines = str(error) if isinstance(error, BrokerError) else log.read_text(errors="replace").strip()
    return (lines.splitlines() or ["no message"])[-1][:160]


def _bytes(text: str | bytes | None) -> bytes | None:
    return text.encode() if isinstance(text, str) else text
