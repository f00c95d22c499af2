#!/usr/bin/env python3
# presets: release asan
"""Outputs to object stores, Kafka and tables of a job whose tasks others run (tests/play-spark): the driver makes them, as
`sluice run` does, and what fails is named the same."""
from harness import *
from stages import *


def test_objects():
    claims_hold("s3", ["test_a_batch_is_objects_with_success_beside_them", "test_keep_removes_what_manifests_name_and_nothing_else",
                       "test_a_success_that_is_not_ours_fails_the_batch_by_name_and_nothing_is_written",
                       "test_large_parts_are_uploaded_in_pieces_with_the_bytes_that_a_directory_has"])


def test_messages():
    claims_hold("kafka-sink", ["test_records_that_cannot_be_sent_are_dead_letters", "test_each_transaction_notes_its_batch",
                               "test_from_topic_to_topic_each_record_is_sent_once"])


def test_tables():
    claims_hold("table-sqlite", ["test_numbers_that_sqlite_does_not_have_are_record_errors",
                                 "test_several_tables_of_one_file_are_written_in_one_batch"])


main(globals())
