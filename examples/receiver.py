#!/usr/bin/env python3
"""A receiver, as Storm's word count has a spout: gives the sentences of a file of messages, one a line, and removes what
is acknowledged, message by message.

It writes `<position> tab <record>`, here the number of the message, and reads on its standard input the positions up to
which everything is durable. After a crash of either side it continues after SLUICE_POSITION. With $FOLLOW it waits for
more messages, else it ends with 0: there is no more until the next run.
"""
import os
import sys
import threading
import time


durable = 0
told = threading.Condition()


def acknowledge():
    global durable
    for position in sys.stdin:
        with open("acknowledged.txt", "a") as acknowledged:
            acknowledged.write(position)
        with told:
            durable = int(position)
            told.notify()


def escape(text):
    return text.replace("\\", "\\\\").replace("\t", "\\t")


position = int(os.environ["SLUICE_POSITION"] or 0)  # messages are numbered from 1
reader = threading.Thread(target=acknowledge, daemon=True)
reader.start()
with open("messages.txt") as messages:
    number = position
    for _ in range(position):
        messages.readline()
    while True:
        line = messages.readline()
        if line.endswith("\n"):
            number += 1
            print("%d\t%s" % (number, escape(line[:-1])), flush=True)
        elif os.environ.get("FOLLOW"):
            time.sleep(0.05)
        else:
            break
with told:
    told.wait_for(lambda: durable >= number or number == position)
